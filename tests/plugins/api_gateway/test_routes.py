import asyncio
import json
import stat
from typing import Any

import msgspec
import pytest

from hub.api import HubError, NotPermittedError, ServiceBusyError, ServiceUnavailableError, StorageConflictError
from tests.plugins.api_gateway.conftest import House


class UnreachableError(HubError):
    code = "unreachable"


class UnknownDeviceError(HubError):
    code = "unknown_device"


async def test_a_service_is_called_with_json_and_answers_with_its_result(house: House) -> None:
    async def add(first: int, second: int = 2) -> dict[str, Any]:
        return {"sum": first + second, "raw": b"\x00\xff"}

    house.hub.offer("sums.add", add)
    answer = await house.call("sums.add", {"first": 40})
    assert (answer.status, answer.body) == (200, {"result": {"sum": 42, "raw": "AP8="}})
    assert answer.headers["content-type"] == "application/json"


async def test_a_body_may_be_missing(house: House) -> None:
    async def one() -> int:
        return 1

    house.hub.offer("sums.one", one)
    assert (await house.ask("POST", "/api/v1/services/sums.one")).body == {"result": 1}


async def test_the_services_are_listed_with_their_schemas(house: House) -> None:
    listed = {one["name"]: one for one in (await house.ask("GET", "/api/v1/services")).body}
    schema = listed["api_gateway.token_create"]["arguments"]
    assert schema["properties"]["name"] == {"type": "string"}
    assert schema["required"] == ["name"]
    assert listed["api_gateway.token_create"]["doc"]


async def test_state_is_read_by_prefix(house: House) -> None:
    house.hub.state.set("device/a/on_off", value=True)
    house.hub.state.set("other/b", 1)
    answer = await house.ask("GET", "/api/v1/state?prefix=device/")
    assert list(answer.body) == ["device/a/on_off"]
    entry = answer.body["device/a/on_off"]
    assert (entry["value"], entry["version"], entry["restored"]) == (True, 1, False)
    assert set((await house.ask("GET", "/api/v1/state")).body) >= {"device/a/on_off", "other/b"}


async def test_devices_and_plugins_and_health_come_from_their_services(house: House) -> None:
    class Status(msgspec.Struct):
        status: str
        plugins: dict[str, int]

    async def status() -> Status:
        return Status("running", {"running": 1})

    async def plugins() -> list[str]:
        return ["api_gateway"]

    async def devices(area: str = "", protocol: str = "", label: str = "") -> list[str]:
        return [area, protocol, label]

    house.hub.offer("hub.status", status)
    house.hub.offer("hub.plugins", plugins)
    house.hub.offer("devices.list", devices)
    assert (await house.ask("GET", "/api/v1/health")).body == {"status": "running", "plugins": {"running": 1}}
    assert (await house.ask("GET", "/api/v1/plugins")).body == ["api_gateway"]
    assert (await house.ask("GET", "/api/v1/devices?area=Hall&other=1")).body == ["Hall", "", ""]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "bad_request"),
        (b"\xff\xfe", 400, "bad_request"),
        (b"[" * 100_000, 400, "bad_request"),
        (b"[1]", 400, "bad_request"),
        (b'{"first": "x"}', 422, "invalid_argument"),
        (b'{"wrong": 1, "first": 1}', 422, "invalid_argument"),
        (b"{}", 422, "invalid_argument"),
        (b'{"first": 1, "timeout": 3}', 422, "invalid_argument"),
    ],
)
async def test_a_wrong_body_is_refused_in_one_sentence(house: House, body: bytes, status: int, code: str) -> None:
    async def add(first: int) -> int:
        return first

    house.hub.offer("sums.add", add)
    answer = await house.ask("POST", "/api/v1/services/sums.add", body)
    assert (answer.status, answer.body["error"]["code"]) == (status, code)
    assert answer.body["error"]["message"]
    assert "\n" not in answer.body["error"]["message"]


async def test_a_body_over_the_limit_is_refused(house: House) -> None:
    body = json.dumps({"name": "x" * (1024 * 1024)}).encode()
    answer = await house.ask("POST", "/api/v1/services/api_gateway.token_create", body)
    assert (answer.status, answer.body["error"]["code"]) == (413, "too_large")


async def test_errors_have_the_status_that_fits(house: House) -> None:
    async def far() -> None:
        raise UnreachableError("the lamp does not answer")

    async def gone() -> None:
        raise UnknownDeviceError("there is no device 'x'")

    async def refuse() -> None:
        raise HubError("not now")

    async def broken() -> None:
        raise RuntimeError("secret detail")

    async def slow() -> None:
        await asyncio.Event().wait()

    for function in (far, gone, refuse, broken, slow):
        house.hub.offer(f"test.{function.__name__}", function)
    expected = {
        "test.far": (503, "unreachable"),
        "test.gone": (404, "unknown_device"),
        "test.refuse": (409, "error"),
        "test.broken": (500, "failed"),
        "test.slow?timeout=0.05": (504, "timeout"),
        "test.none": (404, "unknown_service"),
        "test.slow?timeout=-1": (400, "bad_request"),
        "test.slow?timeout=nan": (400, "bad_request"),
        "test.slow?timeout=x": (400, "bad_request"),
    }
    for name, (status, code) in expected.items():
        answer = await house.call(name)
        assert (name, answer.status, answer.body["error"]["code"]) == (name, status, code)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ServiceBusyError("wait", service="test.does"), 429, "busy"),
        (ServiceUnavailableError("wait", service="test.does"), 503, "unavailable"),
        (NotPermittedError("no"), 403, "not_permitted"),
        (StorageConflictError("again"), 409, "conflict"),
    ],
)
async def test_refusals_of_the_hub_keep_their_code_and_sentence(
    house: House, error: HubError, status: int, code: str
) -> None:
    async def does() -> None:
        raise error

    house.hub.offer("test.does", does)
    answer = await house.call("test.does")
    assert (answer.status, answer.body) == (status, {"error": {"code": code, "message": str(error)}})


async def test_metrics_are_plain_text_for_prometheus(house: House) -> None:
    async def text() -> str:
        return '# TYPE hub_uptime_seconds gauge\nhub_uptime_seconds 12\nhub_info{name="Küche"} 1\n'

    house.hub.offer("metrics.text", text)
    answer = await house.ask("GET", "/metrics")
    assert (answer.status, answer.text) == (200, await text())
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert (await house.ask("POST", "/metrics")).status == 405


async def test_metrics_without_their_plugin_are_not_there(house: House) -> None:
    answer = await house.ask("GET", "/metrics")
    assert (answer.status, answer.body["error"]["code"]) == (404, "not_found")
    assert "the plugin metrics does not run" in answer.body["error"]["message"]

    async def text() -> str:
        return str(await house.hub.call("metrics.part"))

    house.hub.offer("metrics.text", text)
    answer = await house.ask("GET", "/metrics")
    assert (answer.status, answer.body["error"]["code"]) == (404, "unknown_service")
    assert "metrics.part" in answer.body["error"]["message"]


async def test_metrics_over_tcp_need_a_token(house: House) -> None:
    async def text() -> str:
        return "hub_uptime_seconds 12\n"

    house.hub.offer("metrics.text", text)
    assert (await house.ask("GET", "/metrics", tcp=True)).status == 401
    token = (await house.call("api_gateway.token_create", {"name": "prometheus"})).body["result"]["token"]
    assert (await house.ask("GET", "/metrics", tcp=True, token=token)).text == "hub_uptime_seconds 12\n"


async def test_a_result_that_is_no_json_is_a_failure_without_details(house: House) -> None:
    async def circle() -> list[Any]:
        endless: list[Any] = []
        endless.append(endless)
        return endless

    house.hub.offer("test.circle", circle)
    answer = await house.call("test.circle")
    assert (answer.status, answer.body["error"]["code"]) == (500, "failed")
    assert "log" in answer.body["error"]["message"]


async def test_paths_and_methods_that_are_not_there_are_told_as_json(house: House) -> None:
    assert (await house.ask("GET", "/api/v1/nothing")).body["error"]["code"] == "not_found"
    assert (await house.ask("GET", "/")).status == 404
    wrong = await house.ask("DELETE", "/api/v1/state")
    assert (wrong.status, wrong.body["error"]["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize("path", ["/api/v1/services/", "/api/v1/services/a/b", "/api/v1/health/", "/api/v1/events"])
async def test_no_path_is_taken_for_another(house: House, path: str) -> None:
    answer = await house.ask("POST", path)
    assert (answer.status, answer.body["error"]["code"]) == (404, "not_found")
    assert path in answer.body["error"]["message"]


async def test_only_the_headers_are_sent_when_only_they_are_asked_for(house: House) -> None:
    house.hub.state.set("device/a/level", 3)
    whole = await house.ask("GET", "/api/v1/state")
    answer = await house.ask("HEAD", "/api/v1/state")
    assert (answer.status, answer.text) == (200, "")
    assert answer.headers["content-length"] == whole.headers["content-length"] == str(len(whole.text))


async def test_a_parameter_is_decoded_and_the_last_of_two_counts(house: House) -> None:
    house.hub.state.set("räume/a b", 1)
    house.hub.state.set("other/b", 2)
    assert list((await house.ask("GET", "/api/v1/state?prefix=other/&prefix=r%C3%A4ume/a+b")).body) == ["räume/a b"]
    everything = (await house.ask("GET", "/api/v1/state?prefix=")).body
    assert {"räume/a b", "other/b"} <= everything.keys()


async def test_a_client_that_goes_in_the_middle_of_its_request_calls_nothing(house: House) -> None:
    calls: list[int] = []

    async def note(number: int) -> None:
        calls.append(number)

    house.hub.offer("test.note", note)
    _, writer = await asyncio.open_unix_connection(str(house.socket))
    head = "POST /api/v1/services/test.note HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99\r\n\r\n"
    writer.write(head.encode() + b'{"number": 1}')
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await house.call("test.note", {"number": 2})).status == 200
    assert calls == [2]


async def test_the_unix_socket_is_for_user_and_group_only(house: House) -> None:
    mode = house.socket.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660
