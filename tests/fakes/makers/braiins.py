"""Braiins OS: gRPC at 50051 with a token, bosminer's API at 4028 to be read.

The messages are of pyasic's own stubs; the services' answers are ours.
"""

import asyncio
import warnings
from typing import Any

from grpclib import GRPCError, Status
from grpclib.server import Server
from typing_extensions import override

from tests.fakes.makers.behaviour import Behaviour, FakeMachine
from tests.fakes.makers.wire import CgminerFake
from tests.fakes.makers.wires import (
    Json,
    Page,
    Request,
    html_page,
    json_page,
    serve_web,
)

with warnings.catch_warnings():  # pydantic has some for pyasic
    warnings.simplefilter("ignore")
    import pyasic.web.braiins_os.boser  # noqa: F401  (mends the stubs of the next)
    import pyasic.web.braiins_os.proto.braiins.bos.v1 as bos

BRAIINS = Behaviour(
    "Braiins OS", "Antminer S19 Pro", 3250.0, 325.0, 60.0, 110.0, limits=True,
    act_s=5.0, wake_s=60.0,
)  # fmt: skip
PORT = 50051
TOKEN = "t0ken"  # noqa: S105


class BraiinsMiner(CgminerFake):
    """An S19 Pro on Braiins OS; garbled: it says no watts. Locked: it refuses."""

    password = "root"  # noqa: S105

    def __init__(self, machine: FakeMachine, address: str) -> None:
        super().__init__(machine, address)
        self._grpc: Server | None = None

    @override
    async def listen(self) -> list[asyncio.Server]:
        self._grpc = Server([service(self) for service in _SERVICES])
        await self._grpc.start(self.address, PORT)
        return [*await super().listen(), await serve_web(self.address, 80, self._page)]

    async def _page(self, request: Request) -> Page:
        if request.path != "/graphql":
            return html_page("Braiins OS")
        info = {"modelName": self.machine.behaviour.model}
        return json_page({"data": {"bosminer": {"info": info}}})

    @override
    async def stop(self) -> None:
        await super().stop()
        if self._grpc is not None:
            self._grpc.close()
            await self._grpc.wait_closed()

    @override
    def show(self, command: str, parameter: str) -> Json | None:
        rate = self.machine.th_s * 1e6
        match command:
            case "version":
                row = {"BOSer": "boser-openwrt 0.1.0", "API": "3.7"}
                return {"VERSION": [row]}
            case "devdetails":
                row = {"Model": self.machine.behaviour.model, "Driver": "bosminer"}
                return {"DEVDETAILS": [row | {"ID": n} for n in range(3)]}
            case "summary":
                return {"SUMMARY": [{"Elapsed": 5, "MHS 1m": rate, "MHS 5s": rate}]}
            case "devs":
                board = {"MHS 5s": rate / 3, "MHS 1m": rate / 3, "Nominal MHS": 36e6}
                return {"DEVS": [board | {"ID": n, "ASC": n} for n in range(3)]}
            case "pools":
                return {"POOLS": []}
            case _:
                return None

    async def allow(self, *, writes: bool = False) -> FakeMachine:
        """Return the machine to whom may command it; raises a gRPC status."""
        await self.think(writes=writes)
        if writes and self.machine.switches.locked:
            raise GRPCError(Status.PERMISSION_DENIED, "refused")
        if self.machine.switches.password is not None:
            raise GRPCError(Status.UNAUTHENTICATED, "wrong password")
        return self.machine


class _Service:
    """A service of one machine."""

    def __init__(self, fake: BraiinsMiner) -> None:
        self.fake = fake


class _Authentication(_Service, bos.AuthenticationServiceBase):  # type: ignore[misc]  # untyped
    async def login_stream(self, stream: Any) -> None:
        """Answer a login; pyasic reads the token from the header."""
        await stream.recv_message()
        await self.fake.allow()
        await stream.send_initial_metadata(metadata={"authorization": TOKEN})
        await stream.send_message(bos.LoginResponse(token=TOKEN, timeout_s=3600))

    _AuthenticationServiceBase__rpc_login = login_stream


class _Actions(_Service, bos.ActionsServiceBase):  # type: ignore[misc]  # untyped
    async def pause_mining(self, _: Any) -> Any:
        (await self.fake.allow(writes=True)).sleep()
        return bos.PauseMiningResponse(already_paused=False)

    async def resume_mining(self, _: Any) -> Any:
        (await self.fake.allow(writes=True)).wake()
        return bos.ResumeMiningResponse(already_mining=False)


class _Performance(_Service, bos.PerformanceServiceBase):  # type: ignore[misc]  # untyped
    async def set_power_target(self, message: Any) -> Any:
        watts = message.power_target.watt
        (await self.fake.allow(writes=True)).limit(watts)
        return bos.SetPowerTargetResponse(power_target=bos.Power(watt=watts))

    async def get_active_performance_mode(self, _: Any) -> Any:
        machine = await self.fake.allow()
        watts = round(machine.limit_w or machine.behaviour.full_w)
        target = bos.PowerTargetMode(power_target=bos.Power(watt=watts))
        tuner = bos.TunerPerformanceMode(power_target=target)
        return bos.PerformanceMode(tuner_mode=tuner)


class _Miner(_Service, bos.MinerServiceBase):  # type: ignore[misc]  # untyped
    async def get_miner_details(self, _: Any) -> Any:
        await self.fake.allow()
        return bos.GetMinerDetailsResponse(
            hostname="b",
            mac_address=self.fake.mac,
            sticker_hashrate=bos.GigaHashrate(gigahash_per_second=110000),
        )

    async def get_miner_stats(self, _: Any) -> Any:
        machine = await self.fake.allow()
        if machine.switches.garbled:
            return bos.GetMinerStatsResponse()
        power = bos.Power(watt=round(machine.watts))
        stats = bos.MinerPowerStats(approximated_consumption=power)
        return bos.GetMinerStatsResponse(power_stats=stats)

    async def get_hashboards(self, _: Any) -> Any:
        rate = (await self.fake.allow()).th_s * 1e3 / 3
        real = bos.RealHashrate(last_5_s=bos.GigaHashrate(gigahash_per_second=rate))
        stats = bos.WorkSolverStats(real_hashrate=real)
        boards = [bos.Hashboard(id=str(n), stats=stats) for n in range(3)]
        return bos.GetHashboardsResponse(hashboards=boards)


class _Pools(_Service, bos.PoolServiceBase):  # type: ignore[misc]  # untyped
    async def get_pool_groups(self, _: Any) -> Any:
        machine = await self.fake.allow()
        stats = bos.PoolStats(accepted_shares=1)
        pools = [
            bos.Pool(url=u, user=machine.worker, alive=True, stats=stats)
            for u in machine.pools
        ]
        group = bos.PoolGroup(name="g", pools=pools)
        return bos.GetPoolGroupsResponse(pool_groups=[group])


_SERVICES = (_Authentication, _Actions, _Performance, _Miner, _Pools)
