"""What runs in a student's process: an ordinary IPython kernel, which can be asked to serve calls of its functions.

The grader executes the student's cells through the kernel. For a test it has the kernel run `serve`, and the judge's
process sends requests over a socket; each is answered with plain data:

    {"call": name, "args": (...), "kwargs": {...}} -> {"value": ..., "changed": {0: argument 0 as it is now}, "same": 0}
    {"get": name}                                  -> {"value": ...}
    anything that fails                            -> {"error": [names of the type and its bases, message]}

Each request has a number that nobody can guess, and its answer has the same.

Nothing that this process says is trusted beyond being the student's answer.
"""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from course_grader import wire
from course_grader.habits import forgive
from course_grader.provisioner import CHANNELS

if TYPE_CHECKING:
    import torch

_SERVED: list[socket.socket] = []
MESSAGE = 2000  # characters of an exception's text


def main(folder: str, descriptors: list[int]) -> None:
    """Run the kernel whose connection file lies in the folder.

    `descriptors` holds the socket to the judge, and those of the kernel's channels, on which the grader listens.
    """
    import zmq
    from ipykernel.kernelapp import IPKernelApp
    from ipykernel.zmqshell import ZMQInteractiveShell

    class Kernel(IPKernelApp):
        def _try_bind_socket(self, s: zmq.Socket, port: int) -> int:
            ports = [getattr(self, f"{name}_port") for name in CHANNELS]
            s.setsockopt(zmq.USE_FD, descriptors[1 + ports.index(port)])
            return super()._try_bind_socket(s, port)

        def init_heartbeat(self) -> None:
            """Nobody listens to it: the grader sees whether the process lives."""

    # quit() would end the kernel a tenth of a second later
    ZMQInteractiveShell.ask_exit = lambda shell: None  # type: ignore[method-assign]
    forgive()
    _SERVED.append(socket.socket(fileno=descriptors[0]))
    options = ["--HistoryManager.enabled=False", "--IPKernelApp.log_level=50", "--matplotlib=inline"]
    plain = "--InteractiveShell.xmode=Plain"  # coloured source around a thousand frames of a recursion takes seconds
    Kernel.launch_instance(["-f", f"{folder}/kernel.json", *options, plain])


def serve(names: dict[str, Any]) -> None:
    """Answer the judge's requests with the objects of a namespace, until it says that the test is over."""
    connection = _SERVED[0]
    while True:
        request = wire.receive(connection)
        if "end" in request:
            if "matplotlib.pyplot" in sys.modules:  # figures that tests made are drawn for nobody
                sys.modules["matplotlib.pyplot"].close("all")
            return
        try:
            message = wire.encode({"id": request["id"], **_answer(request, names)})
        except BaseException as error:
            message = wire.encode({"id": request["id"], "error": describe(error)})
        wire.send(connection, message)


def _answer(request: dict, names: dict[str, Any]) -> dict:
    name = request.get("call") or request["get"]
    if name not in names:
        raise NameError(f"name '{name}' is not defined")
    if "get" in request:
        return {"value": names[name]}
    arguments = {**dict(enumerate(request["args"])), **request["kwargs"]}
    before = {key: wire.encode(value) for key, value in arguments.items() if _is_mutable(value)}
    value = names[name](*request["args"], **request["kwargs"])
    changed = {key: arguments[key] for key in before if wire.encode(arguments[key]) != before[key]}
    same = [key for key in before if _is_same(value, arguments[key])]
    return {"value": value, "changed": changed, "same": same[0] if same else None}


def _is_tensor(value: object) -> TypeGuard[torch.Tensor]:
    """isinstance without importing torch where nobody else has."""
    return "torch" in sys.modules and isinstance(value, sys.modules["torch"].Tensor)


def _is_mutable(value: object) -> bool:
    """Whether a function could change this argument in place."""
    return isinstance(value, list | dict | np.ndarray) or _is_tensor(value)


def _is_same(value: object, argument: object) -> bool:
    """Whether a result is the argument itself, or an array that uses the same memory in the same shape."""
    if value is argument:
        return True
    if isinstance(value, np.ndarray) and isinstance(argument, np.ndarray):
        return value.shape == argument.shape and value.dtype == argument.dtype and np.shares_memory(value, argument)
    if _is_tensor(value) and _is_tensor(argument):
        return value.shape == argument.shape and value.data_ptr() == argument.data_ptr() and value.numel() > 0
    return False


def describe(error: BaseException) -> list:
    """The names of an exception's type and its bases, and the beginning of its message."""
    names = [kind.__name__ for kind in type(error).__mro__ if kind not in (object, BaseException, Exception)]
    try:
        message = str(error)
    except BaseException:
        message = "(its message cannot be read)"
    return [names[:10], message[:MESSAGE]]
