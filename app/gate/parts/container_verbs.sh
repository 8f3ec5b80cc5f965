# shellcheck shell=sh
# The verbs that tell what containers are called. They change nothing, and never tell a container's environment.
#
# Provides:
#   verb_pods    the kubelet's links to the logs of its containers:
#                POD_NAMESPACE_CONTAINER-ID.log -> …/NAMESPACE_POD_UID/…
#   verb_names   what Docker and Podman call theirs: name, image and labels
# Sets:
#   code: ok
# Expects:
#   nl, out: setup.sh

verb_pods() {
  out="$out$(set +f
    ls -ln /var/log/containers/ |
      sed -n 's@^l.* \([a-z0-9._-]*\)\.log -> /var/log/pods/\([A-Za-z0-9._-]*\)/.*$@pod \1 \2@p'
  )$nl"
  code=ok
}

verb_names() {
  out="$out$(set +f
    for file in /var/lib/docker/containers/*/config.v2.json; do
      [ -f "$file" ] && [ ! -h "$file" ] || continue
      id=${file%/*}; id=${id##*/}
      sed -n 's/"\(Name\|Image\)":"[^"\\]*"/\
&\
/g;s/"Labels":{[^{}]*}/\
&\
/gp' "$file" | grep -E '^"(Name|Image|Labels)":' | sed "s/^/says $id /"
    done
    sed 's/{"id":"/\
&/g' /var/lib/containers/storage/overlay-containers/containers.json |
      sed -n 's/^{"id":"\([0-9a-f]*\)","names":\["\([A-Za-z0-9_.-]*\)"\].*/says \1 "Name":"\/\2"/p'
  )$nl"
  code=ok
}
