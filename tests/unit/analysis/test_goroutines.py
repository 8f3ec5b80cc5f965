"""Goroutines of a dump, grouped by where they are."""

from app.analysis.goroutines import Group, of_dump

DUMP = b"""goroutine 1 [IO wait, 12 minutes]:
internal/poll.runtime_pollWait(0x7f0, 0x72)
\t/usr/local/go/src/runtime/netpoll.go:351 +0x85
net/http.(*Server).Serve(0xc0, {0x1, 0xc0})
\t/usr/local/go/src/net/http/server.go:3454 +0x30c
main.main()
\t/build/shop/main.go:30 +0x2d

goroutine 7 gp=0xc0 m=nil [chan send, 3 minutes] {route: /pay, tenant: "a:b]\\"x"}:
example.com/shop/notify.report(...)
\t/build/shop/notify/notify.go:34
example.com/shop/notify.ask({0x6d, 0x9}, 0xc0)
\t/build/shop/notify/notify.go:31 +0x6c
created by example.com/shop/notify.first in goroutine 44
\t/build/shop/notify/notify.go:24 +0x9f

goroutine 8 [chan send (leaked)]:
example.com/shop/notify.report(...)
\t/build/shop/notify/notify.go:34
example.com/shop/notify.ask({0x6d, 0x9}, 0xc0)
\t/build/shop/notify/notify.go:31 +0x6c
created by example.com/shop/notify.first in goroutine 1
\t/build/shop/notify/notify.go:24 +0x9f

goroutine 9 [sync.Mutex.Lock]:
internal/sync.runtime_SemacquireMutex(0xc0, 0x1, 0x1)
\t/usr/local/go/src/runtime/sema.go:95 +0x25
sync.(*Mutex).Lock(...)
\t/usr/local/go/src/sync/mutex.go:46
example.com/shop/cart.(*Cart).Add(0xc0)
\t/build/shop/cart/cart.go:12 +0x6c
net/http.(*conn).serve(0xc0, {0x1, 0xc0})
\t/usr/local/go/src/net/http/server.go:2102 +0x5b
created by net/http.(*Server).Serve in goroutine 1
\t/usr/local/go/src/net/http/server.go:3493 +0x4b
"""


def group(groups: tuple[Group, ...], at: str) -> Group:
    (found,) = [each for each in groups if each.place.at.endswith(at)]
    return found


def test_a_group_has_its_place_its_waits_and_its_makers() -> None:
    sending = [each for each in of_dump(DUMP) if each.place.at == "example.com/shop/notify.report"]
    (waiting,) = [each for each in sending if not each.place.leaked]
    assert waiting.place.state == "send"
    assert waiting.place.line == "notify.go:34"
    assert waiting.place.path == ("example.com/shop/notify.ask", "example.com/shop/notify.report")
    assert waiting.place.created_by == "example.com/shop/notify.first"
    assert (waiting.longest, waiting.creators, waiting.gone) == (3, 1, 1)
    assert [each.count for each in sending if each.place.leaked] == [1]


def test_who_waits_for_a_lock_is_known_with_the_request_that_it_serves() -> None:
    victim = group(of_dump(DUMP), "(*Cart).Add").place
    assert (victim.state, victim.served, victim.waits_in) == ("lock", True, "sync.(*Mutex).Lock")


def test_lines_that_are_none_of_a_dump_are_passed_over() -> None:
    noise = b"panic: x\n\tindented\ncreated by nobody\n)\n" + DUMP.replace(b"(...)", b"(...") + b"goroutine x\n\t:1\n"
    assert group(of_dump(noise), "(*Cart).Add").count == 1
    assert of_dump(b"goroutine 1 [running]:\n")[0].place.at == ""
    assert of_dump(b"") == ()
