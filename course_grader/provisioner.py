"""A Jupyter kernel that lives in the sandbox: the provisioner that starts it, and the manager that asks for it.

Jupyter finds the provisioner by its entry point, "course-sandbox". The kernel speaks over Unix sockets (transport
"ipc") in a folder that it shares with the grader and nobody else.
"""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from typing import Any

import zmq
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning import KernelProvisionerBase

from course_grader.sandbox import Limits, Sandbox

NAME = "course-sandbox"
LARGEST_PART = 16_000_000  # bytes of one part of a message from the kernel; the connection of a longer one is cut


class SandboxProvisioner(KernelProvisionerBase):
    """Starts an ipykernel in the manager's sandbox."""

    job: int | None = None
    reason = ""

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Write the connection file into the shared folder; nothing of this process's environment goes along."""
        manager = self.parent
        manager.write_connection_file()
        self.connection_info = manager.get_connection_info()
        return {"cmd": [], "env": {}}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict:
        """Fork the kernel."""
        manager = self.parent
        descriptor = manager.judge_socket.fileno()
        self.job = manager.sandbox.spawn("kernel", manager.folder, manager.limits, [descriptor])
        return self.connection_info

    @property
    def has_process(self) -> bool:
        return self.job is not None

    async def poll(self) -> int | None:
        if self.job is None:
            return 0
        code, self.reason = self.parent.sandbox.poll(self.job)
        return code

    async def wait(self) -> int | None:
        while (code := await self.poll()) is None:
            await asyncio.sleep(0.01)
        self.job = None
        return code

    async def send_signal(self, signum: int) -> None:
        """SIGINT interrupts; any other signal ends the kernel."""
        if self.job is not None:
            (self.parent.sandbox.interrupt if signum == 2 else self.parent.sandbox.kill)(self.job)

    async def kill(self, restart: bool = False) -> None:
        await self.send_signal(9)

    async def terminate(self, restart: bool = False) -> None:
        await self.send_signal(9)

    async def cleanup(self, restart: bool = False) -> None:
        """Nothing is left to do: the folder belongs to the manager."""


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
    def kernel_spec(self) -> KernelSpec:
        """Python, by the provisioner above."""
        metadata = {"kernel_provisioner": {"provisioner_name": NAME}}
        return KernelSpec(argv=["python"], display_name="sandbox", language="python", metadata=metadata)
