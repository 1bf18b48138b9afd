"""Actions as closures: names are looked up and arguments made once, when a rule is bound."""

from hub.api import Context, Event
from plugins.automation.directory import Resolver
from plugins.automation.model import Action, CommandAction, DelayAction, ServiceAction, SetAction, fades
from plugins.automation.runner import Step
from plugins.automation.times import seconds


def step(action: Action, ctx: Context, resolver: Resolver) -> Step:
    """What carries out one action.

    Raises NotYetError while its device is not there.
    """
    match action:
        case SetAction():
            return _set(action, ctx, resolver)
        case CommandAction():
            return _command(action, ctx, resolver)
        case ServiceAction():
            return _service(action, ctx)
        case DelayAction():
            return _delay(action, ctx)


def _set(action: SetAction, ctx: Context, resolver: Resolver) -> Step:
    call = ctx.services.call
    fade = None if action.transition is None else {"transition": seconds(action.transition)}
    wishes = []
    for name, value in action.values.items():
        device, key = resolver.feature(action.device, name)
        wishes.append(
            {
                "device": device,
                "capability": key,
                "value": value,
                "arguments": fade if fade and fades(name) else {},
            }
        )
    if len(wishes) == 1:
        only = wishes[0]

        async def set_one(_event: Event) -> None:
            await call("devices.command", **only)

        return set_one

    async def set_all(_event: Event) -> None:
        for wish in wishes:
            await call("devices.command", **wish)

    return set_all


def _command(action: CommandAction, ctx: Context, resolver: Resolver) -> Step:
    call = ctx.services.call
    if action.capability:
        device, key = resolver.feature(action.device, action.capability)
    else:
        device, key = resolver.command(action.device, action.command)
    arguments = action.args

    async def command(_event: Event) -> None:
        await call("devices.command", device=device, capability=key, command=action.command, arguments=arguments)

    return command


def _service(action: ServiceAction, ctx: Context) -> Step:
    call = ctx.services.call
    timeout = seconds(action.timeout)

    async def serve(_event: Event) -> None:
        await call(action.service, timeout=timeout, **action.args)

    return serve


def _delay(action: DelayAction, ctx: Context) -> Step:
    sleep = ctx.clock.sleep
    length = seconds(action.delay)

    async def wait(_event: Event) -> None:
        await sleep(length)

    return wait
