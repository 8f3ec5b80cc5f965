"""The goroutines of a capture by where they are, as a person sees them."""

import gzip
from hashlib import sha256
from pathlib import Path

from app.model import Artifact, Capture, Kind
from tests.unit.web.web_app import WebApp

FAULTS = Path(__file__).parents[3] / "data" / "faults"
DUMP = gzip.decompress((FAULTS / "ledger" / "goroutine.txt.gz").read_bytes())
PROFILE = (FAULTS / "ledger" / "goroutine.pprof").read_bytes()
HOSTILE = b"""goroutine 7 [chan send (leaked), 12 minutes]:
example.com/shop/<b>report</b>(...)
\t/build/shop/notify/notify.go:34
main.main()
\t/build/shop/main.go:7
created by example.com/shop/notify.first in goroutine 44
\t/build/shop/notify/notify.go:24 +0x9f
"""


def kept(web: WebApp, **files: bytes) -> Capture:
    """A capture with these files: `txt`, `pprof`, `counted`."""
    names = {"counted": "orders-7-goroutine-1-counted.txt"}
    listed = {names.get(end, f"orders-7-goroutine-1.{end}"): data for end, data in files.items()}
    artifacts = (Artifact(name, Kind.GOROUTINE, len(data), sha256(data).hexdigest()) for name, data in listed.items())
    capture = web.keep_completed(artifacts=tuple(artifacts))
    web.store.files |= {f"{capture.id}/{name}": data for name, data in listed.items()}
    return capture


def shown(web: WebApp, capture: Capture) -> str:
    return web.client.get(f"/ui/captures/{capture.id}/goroutines").text.replace("<wbr>", "")


def test_a_dump_is_a_table_of_groups_each_with_its_stack(web: WebApp) -> None:
    capture = kept(web, txt=DUMP, pprof=PROFILE, counted=b"goroutine profile: total 3\n")
    page = shown(web, capture)
    assert "from orders-7-goroutine-1.txt." in page
    first = page.partition("<tbody>")[2].partition("</tr>")[0]
    assert '<td class="n">40</td><td>lock</td>' in first
    assert "shop.example/faults/internal/ledger.(*book).add</code> <small>ledger.go:33</small>" in first
    assert "sync.(*Mutex).Lock mutex.go:" in first and "created by <code>net/http.(*Server).Serve" in first
    assert f"/ui/captures/{capture.id}/goroutines" in web.client.get(f"/ui/captures/{capture.id}").text


def test_a_profile_serves_where_there_is_no_dump(web: WebApp) -> None:
    page = shown(web, kept(web, pprof=PROFILE))
    assert "from orders-7-goroutine-1.pprof." in page and "ledger.(*book).add" in page


def test_names_of_functions_are_text_and_leaks_and_waits_are_told(web: WebApp) -> None:
    page = shown(web, kept(web, txt=HOSTILE))
    assert "&lt;b&gt;report&lt;/b&gt;" in page and "<b>report" not in page
    assert "leaked</b>" in page and "12 min" in page


def test_a_capture_without_goroutines_has_no_such_page(web: WebApp) -> None:
    capture = kept(web, counted=b"goroutine profile: total 3\n")
    assert web.client.get(f"/ui/captures/{capture.id}/goroutines").status_code == 404
    assert "/goroutines" not in web.client.get(f"/ui/captures/{capture.id}").text
