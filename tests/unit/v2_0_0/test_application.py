"""Each turn is one POST to an application, here a fake."""

import asyncio
import contextvars
import json
import logging

import pytest

from endpoint_patch.versions.v2_0_0.inserted.application import Application
from endpoint_patch.versions.v2_0_0.inserted.turn import Exchange
from fakes.proxy_app import completed, sse

TRACE = contextvars.ContextVar("trace", default=None)
LOGGER = logging.getLogger("application")


def asking(app, **scope):
    """Return an Application in front of `app`, a function that posts, and the list of events."""
    socket = {"app": app, "path": "/v1/responses", "headers": [], **scope}
    application = Application(socket, LOGGER)
    events = []

    async def emit(event, text):
        events.append(event)

    async def post(begun=lambda: None, body=b"{}"):
        exchange = Exchange(body, emit, 1 << 20)
        exchange.begun = begun
        del body
        await application.post(exchange)
        return exchange

    return application, post, events


async def answer(send, body, status=200, kind=b"text/event-stream"):
    headers = [(b"content-type", kind)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})


async def test_a_turn_is_one_request():
    """The application gets the body, its events come out; the turn counts as running meanwhile."""
    seen = []

    async def app(scope, receive, send):
        seen.append((scope["type"], (await receive())["body"], application.running))
        await answer(send, sse(completed()))

    application, post, events = asking(app)
    exchange = await post()
    assert seen == [("http", b"{}", 1)]
    assert [event["type"] for event in events] == ["response.completed"]
    assert (application.running, exchange.lost_identity) == (0, False)


@pytest.mark.parametrize(
    ("usage", "cost"), [(None, "2.5e-06"), ({}, "2.5e-06"), ({"cost": 0.25}, 0.25)]
)
async def test_a_turn_s_report_has_litellm_s_call_id_and_cost(usage, cost):
    """A turn's report has LiteLLM's call id and cost, which lead to LiteLLM's own records."""
    headers = [
        (b"content-type", b"text/event-stream"),
        (b"X-LiteLLM-Call-Id", b"c1"),
        (b"x-litellm-response-cost", b"2.5e-06"),
    ]

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        event = completed(response={"id": "r", "usage": usage})
        await send({"type": "http.response.body", "body": sse(event).encode()})

    _application, post, _events = asking(app)
    report = (await post()).report()
    assert report.pop("seconds") >= 0
    assert report == {
        "call_id": "c1",
        "cost": cost,
        "http_status": 200,
        "outcome": "completed",
    }


async def test_whoever_posted_learns_that_the_answer_begins():
    """`begun` is called before the answer's first event; a large body that waits depends on it."""
    steps = []

    async def app(scope, receive, send):
        await receive()
        steps.append("read")
        await answer(send, sse(completed()))
        steps.append("answered")

    _application, post, events = asking(app)
    await post(lambda: steps.append(("begun", len(events))))
    assert steps == ["read", ("begun", 0), "answered"]


async def test_a_body_is_let_go_of_once_it_was_read():
    """The body's text is freed once the application has read it, not at the turn's end."""
    gone, left = [], []

    class Body(bytes):
        """Bytes that record their deletion."""

        def __del__(self):
            gone.append(True)

    async def app(scope, receive, send):
        await receive()
        left.append(list(gone))
        await answer(send, sse(completed()))

    _application, post, _events = asking(app)
    await post(body=Body(b"{}"))
    assert left == [[True]]


async def test_a_turn_shares_nothing_with_the_socket_or_with_another_turn():
    """Turns share neither context variables nor `state` with the socket or each other.

    Tracers keep a span in these: there must be one trace per turn.
    """
    seen = []

    async def app(scope, receive, send):
        seen.append((TRACE.get(), dict(scope["state"])))
        TRACE.set("a turn's")
        scope["state"]["span"] = "a turn's"
        await answer(send, sse(completed()))

    TRACE.set("the socket's")
    state = {"pool": 1}
    _application, post, _events = asking(app, state=state)
    await post()
    state["span"] = "the socket's"
    await post()
    assert seen == [(None, {"pool": 1})] * 2


async def is_cancelled(scope, receive, send):
    raise asyncio.CancelledError


async def crashes(scope, receive, send):
    raise ZeroDivisionError


@pytest.mark.parametrize(("app", "logged"), [(is_cancelled, 0), (crashes, 1)])
async def test_an_application_that_fails_is_no_silence(app, logged, caplog):
    """An application that fails gives the client a 500 event; a crash logs its traceback."""
    application, post, events = asking(app)
    await post()
    assert [event["status"] for event in events] == [500]
    assert (len(caplog.records), application.running) == (logged, 0)


async def test_a_key_that_is_no_longer_good_is_noticed():
    """An expired key sets `lost_identity`, and the client gets a 400 event."""
    error = {"message": "expired", "type": "expired_key", "code": "401"}

    async def app(scope, receive, send):
        await answer(send, json.dumps({"error": error}), 401, b"application/json")

    _application, post, events = asking(app)
    assert (await post()).lost_identity
    assert [event["status"] for event in events] == [400]


async def test_a_client_that_leaves_is_a_disconnect_like_http_s(caplog):
    """A client that leaves is a disconnect for the application, whose later failure is no error."""

    async def app(scope, receive, send):
        await receive()
        application.client_left()
        assert (await receive())["type"] == "http.disconnect"
        await answer(send, sse(completed()))
        raise RuntimeError("the client left")

    application, post, events = asking(app)
    await post()
    assert (events, caplog.records) == ([], [])


async def test_a_turn_that_is_cancelled_cancels_its_request():
    """Cancelling a turn cancels its request and waits for its end."""
    ended = []

    async def app(scope, receive, send):
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    application, post, _events = asking(app)
    turn = asyncio.ensure_future(post())
    await asyncio.sleep(0.01)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert (ended, application.running) == ([True], 0)


async def test_a_request_that_cannot_even_be_made_is_no_silence():
    """If the request cannot be built from the socket's scope, the client gets a 500 event."""

    async def app(scope, receive, send):
        raise AssertionError("it must not get this far")

    application, post, events = asking(app)
    del application._scope["path"]
    await post()
    assert [(event["type"], event["status"]) for event in events] == [("error", 500)]
