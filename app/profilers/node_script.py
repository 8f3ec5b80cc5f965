"""What node_inspector.py has Node do: one JavaScript expression; and the proof that a process is a Node that can do it.

The expression catches whatever it throws. Its timers do not keep the process alive.
"""

import json

# Printed by Node (src/inspector_agent.cc, src/inspector_socket_server.cc) where it has an inspector; from v8 to v26.
SIGN = "Starting inspector on %s:%d failed: %s"

# Sets `code` in the gate's script. The sign is in the executable, or in the library that a distribution splits it into.
PROOF = f"""\
shows_inspector() {{ tr '\\000' '\\n' <"$1" | grep -aqxF -e '{SIGN}'; }}
library=$(sed -n 's@^.* \\(/[^ ]*/libnode\\.so\\.[0-9.]*\\)$@\\1@p' maps | head -n 1)
shows_inspector exe || {{ [ -n "$library" ] && shows_inspector "root$library"; }} || code=nonode
! tr '\\000' '\\n' <environ | grep -aqE '^NODE_OPTIONS=.*--(inspect|debug-port|disable-sigusr1)' || code=otherport
"""

# inspector.close() blocks Node until every client has gone: it runs once ours has said that it goes.
SCRIPT = """\
(() => { try {
  if (process.pid !== %(pid)d) return
  const load = typeof process.getBuiltinModule === 'function' ? process.getBuiltinModule : require
  const inspector = load('inspector'), timers = load('timers'), fs = load('fs'), path = load('path')
  const later = (act, ms) => timers.setTimeout(() => { try { act() } catch {} }, ms).unref()
  later(() => inspector.close(), 100)
  const key = Symbol.for('alertprof')
  if (!%(ms)d || globalThis[key]) return
  Object.defineProperty(globalThis, key, { value: true, configurable: true })
  const session = new inspector.Session()
  const end = () => { delete globalThis[key]; session.disconnect() }
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.start')
  later(() => session.post('Profiler.stop', (error, answer) => { try {
    end()
    const environment = fs.readFileSync('/proc/self/environ', 'latin1').split('\\0')
    const tmp = (environment.find(each => each.startsWith('TMPDIR=')) || '').slice(7) || '/tmp'
    const file = path.resolve(Buffer.from(tmp, 'latin1').toString(), %(name)s)
    if (!error) fs.writeFile(file, JSON.stringify(answer.profile), { flag: 'wx', mode: 0o600 }, () => {})
  } catch {} }), %(ms)d)
} catch {} })()
"""


def message(pid: int, name: str, milliseconds: int) -> str:
    """The message of Chrome's DevTools protocol that closes Node's inspector, and records meanwhile.

    pid: as the process itself knows it; another one does nothing. name: of the file in its TMPDIR, as Node's
    `--cpu-prof` writes one. milliseconds: the length of the recording; 0 for none.
    """
    script = SCRIPT % {"pid": pid, "name": json.dumps(name), "ms": milliseconds}
    # The command line's API has `require`, which Node before v20.16 needs.
    asked = {"expression": script, "includeCommandLineAPI": True, "silent": True}
    return json.dumps({"id": 1, "method": "Runtime.evaluate", "params": asked})
