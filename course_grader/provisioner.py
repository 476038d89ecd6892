"""A Jupyter kernel that lives in the sandbox: the provisioner that starts it, and the manager that asks for it.

Jupyter finds the provisioner by its entry point, "course-sandbox". The kernel speaks over Unix sockets (transport
"ipc"). The grader makes them, in a folder that the kernel can read and not write, and hands them to it open.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from pathlib import Path
from typing import Any

import zmq
from jupyter_client import KernelConnectionInfo, KernelManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning import KernelProvisionerBase

from course_grader.sandbox import Limits, Sandbox

NAME = "course-sandbox"
CHANNELS = ("shell", "iopub", "stdin", "control")  # in this order the kernel gets their sockets
LARGEST_PART = 16_000_000  # bytes of one part of a message from the kernel; the connection of a longer one is cut


class SandboxProvisioner(KernelProvisionerBase):
    """Starts an ipykernel in the manager's sandbox."""

    job: int | None = None
    reason = ""

    @property
    def manager(self) -> SandboxKernelManager:
        """The manager that asked for this kernel."""
        assert isinstance(self.parent, SandboxKernelManager)
        return self.parent

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Write the connection file into the shared folder; nothing of this process's environment goes along."""
        self.manager.write_connection_file()
        self.connection_info = self.manager.get_connection_info()
        return {"cmd": [], "env": {}}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork the kernel."""
        manager = self.manager
        listening = [_listen(f"{manager.ip}-{getattr(manager, f'{name}_port')}") for name in CHANNELS]
        with contextlib.ExitStack() as stack:
            for one in listening:
                stack.enter_context(one)
            descriptors = [one.fileno() for one in (manager.judge_socket, *listening)]
            self.job = manager.sandbox.spawn("kernel", manager.folder, manager.limits, descriptors)
        return self.connection_info

    @property
    def has_process(self) -> bool:
        return self.job is not None

    async def poll(self) -> int | None:
        if self.job is None:
            return 0
        code, self.reason = self.manager.sandbox.poll(self.job)
        return code

    async def wait(self) -> int | None:
        while (code := await self.poll()) is None:
            await asyncio.sleep(0.01)
        self.job = None
        return code

    async def send_signal(self, signum: int) -> None:
        """SIGINT interrupts; any other signal ends the kernel."""
        if self.job is not None:
            sandbox = self.manager.sandbox
            (sandbox.interrupt if signum == signal.SIGINT else sandbox.kill)(self.job)

    async def kill(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGKILL)

    async def cleanup(self, restart: bool = False) -> None:
        """Nothing is left to do: the folder belongs to the manager."""


def _listen(path: str) -> socket.socket:
    """A Unix socket to which somebody can connect, even before the kernel has it."""
    one = socket.socket(socket.AF_UNIX)
    one.bind(path)
    one.listen()
    return one


class SandboxKernelManager(KernelManager):
    """Manages one kernel in a sandbox.

    Args:
        sandbox: Where it runs.
        limits: What it may use.
        judge_socket: The student's end of the socket to the judge.
    """

    def __init__(self, sandbox: Sandbox, limits: Limits, judge_socket: socket.socket, folder: Path) -> None:
        context = zmq.Context()
        context.setsockopt(zmq.MAXMSGSIZE, LARGEST_PART)
        context.setsockopt(zmq.LINGER, 0)
        super().__init__(context=context, transport="ipc", ip=os.path.join(folder, "k"))
        self.sandbox, self.limits, self.judge_socket, self.folder = sandbox, limits, judge_socket, folder
        self.connection_file = os.path.join(folder, "kernel.json")

    @property
    def job(self) -> int:
        """The number of the started kernel in its sandbox."""
        assert isinstance(self.provisioner, SandboxProvisioner)
        assert self.provisioner.job is not None
        return self.provisioner.job

    @property
    def kernel_spec(self) -> KernelSpec:
        """Python, by the provisioner above."""
        metadata = {"kernel_provisioner": {"provisioner_name": NAME}}
        return KernelSpec(argv=["python"], display_name="sandbox", language="python", metadata=metadata)
