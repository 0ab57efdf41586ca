"""Richards: an operating system's kernel in small. Tasks of four classes pass packets to each other; a scheduler runs who may run (Martin Richards, 1981)."""

from __future__ import annotations

from typing import Optional

import jitd

IDLE, WORKER, HANDLER_A, HANDLER_B, DEVICE_A, DEVICE_B = 1, 2, 3, 4, 5, 6
DEVICE, WORK = 0, 1
SIZE = 4


@jitd.jitclass
class Packet:
    link: Optional[Packet]
    ident: int
    kind: int
    datum: int
    data: list[int]

    def __init__(self, link: Optional[Packet], ident: int, kind: int) -> None:
        self.link = link
        self.ident = ident
        self.kind = kind
        self.datum = 0
        self.data = [0, 0, 0, 0]

    def append_to(self, queue: Optional[Packet]) -> Packet:
        self.link = None
        if queue is None:
            return self
        at = queue
        while at.link is not None:
            at = at.link
        at.link = self
        return queue


@jitd.jitclass
class Task:
    next: Optional[Task]
    ident: int
    priority: int
    queue: Optional[Packet]
    pending: bool
    waiting: bool
    holding: bool
    kernel: Kernel

    def __init__(self, kernel: Kernel, ident: int, priority: int, queue: Optional[Packet], pending: bool, waiting: bool) -> None:
        self.kernel = kernel
        self.next = kernel.tasks
        self.ident = ident
        self.priority = priority
        self.queue = queue
        self.pending = pending
        self.waiting = waiting
        self.holding = False
        kernel.add(self)

    def run(self, packet: Optional[Packet]) -> Optional[Task]:
        raise NotImplementedError

    def add_packet(self, packet: Packet, old: Task) -> Task:
        if self.queue is None:
            self.queue = packet
            self.pending = True
            if self.priority > old.priority:
                return self
        else:
            packet.append_to(self.queue)
        return old

    def is_held_or_waiting(self) -> bool:
        return self.holding or (not self.pending and self.waiting)

    def run_task(self) -> Optional[Task]:
        packet = None
        if self.pending and self.waiting:
            packet = self.queue
            if packet is not None:
                self.queue = packet.link
            self.pending = self.queue is not None
            self.waiting = False
        return self.run(packet)

    def wait(self) -> Task:
        self.waiting = True
        return self

    def hold(self) -> Optional[Task]:
        self.kernel.held += 1
        self.holding = True
        return self.next

    def release(self, ident: int) -> Task:
        task = self.kernel.find(ident)
        task.holding = False
        return task if task.priority > self.priority else self

    def send(self, packet: Packet) -> Task:
        task = self.kernel.find(packet.ident)
        self.kernel.sent += 1
        packet.link = None
        packet.ident = self.ident
        return task.add_packet(packet, self)


@jitd.jitclass
class Idle(Task):
    control: int
    count: int

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel, IDLE, 0, None, False, False)
        self.control = 1
        self.count = 10000

    def run(self, packet: Optional[Packet]) -> Optional[Task]:
        self.count -= 1
        if self.count == 0:
            return self.hold()
        if self.control & 1 == 0:
            self.control //= 2
            return self.release(DEVICE_A)
        self.control = self.control // 2 ^ 0xD008
        return self.release(DEVICE_B)


@jitd.jitclass
class Worker(Task):
    destination: int
    letter: int

    def __init__(self, kernel: Kernel, priority: int, queue: Optional[Packet]) -> None:
        super().__init__(kernel, WORKER, priority, queue, True, True)
        self.destination = HANDLER_A
        self.letter = 0

    def run(self, packet: Optional[Packet]) -> Optional[Task]:
        if packet is None:
            return self.wait()
        self.destination = HANDLER_B if self.destination == HANDLER_A else HANDLER_A
        packet.ident = self.destination
        packet.datum = 0
        for i in range(SIZE):
            self.letter = self.letter % 26 + 1
            packet.data[i] = 64 + self.letter
        return self.send(packet)


@jitd.jitclass
class Handler(Task):
    work: Optional[Packet]
    devices: Optional[Packet]

    def __init__(self, kernel: Kernel, ident: int, priority: int, queue: Optional[Packet]) -> None:
        super().__init__(kernel, ident, priority, queue, True, True)
        self.work = None
        self.devices = None

    def run(self, packet: Optional[Packet]) -> Optional[Task]:
        if packet is not None:
            if packet.kind == WORK:
                self.work = packet.append_to(self.work)
            else:
                self.devices = packet.append_to(self.devices)
        work = self.work
        if work is None:
            return self.wait()
        count = work.datum
        if count >= SIZE:
            self.work = work.link
            return self.send(work)
        device = self.devices
        if device is None:
            return self.wait()
        self.devices = device.link
        device.datum = work.data[count]
        work.datum = count + 1
        return self.send(device)


@jitd.jitclass
class Device(Task):
    kept: Optional[Packet]

    def __init__(self, kernel: Kernel, ident: int, priority: int) -> None:
        super().__init__(kernel, ident, priority, None, False, True)
        self.kept = None

    def run(self, packet: Optional[Packet]) -> Optional[Task]:
        if packet is None:
            kept = self.kept
            if kept is None:
                return self.wait()
            self.kept = None
            return self.send(kept)
        self.kept = packet
        self.kernel.traced += 1
        return self.hold()


@jitd.jitclass
class Kernel:
    tasks: Optional[Task]
    table: list[Task]
    held: int
    sent: int
    traced: int

    def __init__(self) -> None:
        self.tasks = None
        self.table = []
        self.held = 0
        self.sent = 0
        self.traced = 0

    def add(self, task: Task) -> None:
        self.tasks = task
        self.table.append(task)

    def find(self, ident: int) -> Task:
        return self.table[ident - 1]

    def schedule(self) -> int:
        task, turns = self.tasks, 0
        while task is not None:
            turns += 1
            if task.is_held_or_waiting():
                task = task.next
            else:
                task = task.run_task()
        return turns


def kernel() -> Kernel:
    made = Kernel()
    Idle(made)
    Worker(made, 1000, Packet(Packet(None, 0, WORK), 0, WORK))
    for ident, priority, device in (HANDLER_A, 2000, DEVICE_A), (HANDLER_B, 3000, DEVICE_B):
        queue = None
        for _ in range(3):
            queue = Packet(queue, device, DEVICE)
        Handler(made, ident, priority, queue)
    Device(made, DEVICE_A, 4000)
    Device(made, DEVICE_B, 5000)
    return made


def run() -> tuple[int, int, int, int]:
    made = kernel()
    turns = made.schedule()
    return turns, made.sent, made.held, made.traced
