"""Takes operations up and runs them: many at a time, but one at a time per server.

An operation that is taken up while another one runs on the same server has superseded it: the older one is cancelled,
which ends it at its next wait, and is not undone: the newer one finds what is there.

Builds, deletes and everything else have threads of their own. So what waits for Neutron does not keep a guest from
being stopped, and a crowd of builds keeps no server from being deleted.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from novalike.bus import journal as bus_journal
from novalike.bus.transport import Transport
from novalike.compute import workflow
from novalike.compute.build_queue import BuildQueue
from novalike.compute.job import Job, Tools
from novalike.compute.journal import Journal
from novalike.compute.operations import workflow_of
from novalike.objects import errors
from novalike.objects.context import RequestContext, admin_context
from novalike.objects.operation import Assignment
from novalike.virt.cancellation import Cancellation

LOG = logging.getLogger(__name__)

# Of each kind.
_THREADS = 64
_BUILD, _DELETE, _OTHER = "create", "delete", "other"
# Seconds after which what has waited for its turn may have been given up by the conductor.
_LONG_WAIT = 30.0


class _Task:
    """An operation that was taken up.

    :ivar future: its turn on a thread, once it has been given one.
    """

    def __init__(self, ctx: RequestContext, assignment: Assignment) -> None:
        self.ctx = ctx
        self.assignment = assignment
        self.operation = assignment.operation
        self.server = assignment.operation.instance_uuid
        self.host = assignment.operation.host or ""
        self.cancellation = Cancellation(assignment.operation.uuid)
        self.future: Future[None] | None = None
        self._taken_up_at = time.monotonic()

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from others, and from other legs of its operation."""
        return self.operation.uuid, self.operation.epoch

    @property
    def has_waited_long(self) -> bool:
        """Whether it was taken up quite a while ago."""
        return time.monotonic() - self._taken_up_at > _LONG_WAIT

    @property
    def kind(self) -> str:
        """Whose threads it runs on."""
        return self.operation.workflow if self.operation.workflow in (_BUILD, _DELETE) else _OTHER


class Worker:
    """Runs the operations of this process's hosts.

    :param on_fenced: called with host and server when an operation turned out to be somebody else's: what was done for
        it may be left over.
    :param on_build: called with a host that has built a server (True), or has failed at what others might have done.
    :param on_news: called with a server whose guest has made news while something was being done to it.
    """

    def __init__(
        self,
        tools: Tools,
        transport: Transport,
        endpoint: str,
        incarnation: str,
        on_fenced: Callable[[str, str], None] = lambda host, instance_uuid: None,
        on_build: Callable[[str, bool], None] = lambda host, done: None,
        on_news: Callable[[str], None] = lambda instance_uuid: None,
    ) -> None:
        self._tools = tools
        self._on_fenced = on_fenced
        self._on_build = on_build
        self._on_news = on_news
        self._news: set[str] = set()
        self._endpoint = endpoint
        self._incarnation = incarnation
        # Nothing is begun any more; what was taken up stays recorded, and is recovered at the next start.
        self._draining = threading.Event()
        self._conductor: bus_journal.Journal = transport.client(bus_journal.Journal)
        self._journal = Journal(transport)
        self._pools = {
            kind: ThreadPoolExecutor(_THREADS, thread_name_prefix=kind) for kind in (_BUILD, _DELETE, _OTHER)
        }
        self._hints: queue.SimpleQueue[tuple[RequestContext, tuple[str, ...]] | None] = queue.SimpleQueue()
        self._taker = threading.Thread(target=self._take, name="taker", daemon=True)
        self._lock = threading.Lock()
        # Operations that were taken up and have not ended, with the epochs at which we have them.
        self._mine: set[tuple[str, int]] = set()
        # Those of them of which there was a hint meanwhile: who ends a leg may be given the next one while he ends.
        self._heard: dict[str, RequestContext] = {}
        self._builds: BuildQueue[_Task] = BuildQueue(lambda: int(tools.conf.max_concurrent_builds), self._give_thread)
        # Operations of one server wait for each other, in the order in which they were taken up.
        self._lines: dict[str, list[_Task]] = {}

    def start(self) -> None:
        """Begin to take operations up."""
        self._taker.start()

    def stop(self) -> None:
        """Take nothing new up, begin nothing. What has begun goes on."""
        with self._lock:
            self._draining.set()
        self._hints.put(None)

    def wait(self) -> None:
        """Finish what has begun. Gives up waiting for an unreachable conductor."""
        self._taker.join()
        with self._lock:
            tasks = [task for line in self._lines.values() for task in line]
        for task in tasks:
            task.cancellation.end_pauses()
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
        for pool in self._pools.values():
            pool.shutdown(wait=True)

    def works_on(self, instance_uuid: str) -> bool:
        """Whether something is being done to a server here."""
        with self._lock:
            return instance_uuid in self._lines

    def keeps_for_later(self, instance_uuid: str) -> bool:
        """Take news of a guest, to be told again when nothing is done to its server any more; not if nothing is now."""
        with self._lock:
            busy = instance_uuid in self._lines
            if busy:
                self._news.add(instance_uuid)
        return busy

    def hint(self, ctx: RequestContext, operation_ids: tuple[str, ...]) -> None:
        """There may be operations."""
        self._hints.put((ctx, operation_ids))

    def _take(self) -> None:
        while True:
            item = self._hints.get()
            # What has piled up meanwhile is asked for in one go.
            batch = [item]
            while not self._hints.empty():
                batch.append(self._hints.get())
            wanted = {op: ctx for entry in batch if entry is not None for ctx, ids in [entry] for op in ids}
            with self._lock:
                mine = {uuid for uuid, _epoch in self._mine}
                new = {op: ctx for op, ctx in wanted.items() if op not in mine}
                self._heard.update((op, ctx) for op, ctx in wanted.items() if op in mine)
            if new and not self._draining.is_set():
                self._accept(new)
            if None in batch:
                return

    def _accept(self, wanted: dict[str, RequestContext]) -> None:
        try:
            assignments = self._conductor.accept(
                next(iter(wanted.values())),
                endpoint=self._endpoint,
                incarnation=self._incarnation,
                operation_ids=tuple(wanted),
            )
        except errors.NovalikeError as error:
            LOG.warning("operations could not be taken up now: %s", error)
            return
        except Exception:
            # The conductor reminds of them. Who ended here would never take anything up again.
            LOG.exception("operations could not be taken up")
            return
        self.submit(assignments, wanted)

    def submit(self, assignments: Sequence[Assignment], contexts: dict[str, RequestContext] | None = None) -> None:
        """Run operations that are ours."""
        for assignment in assignments:
            operation = assignment.operation
            ctx = (contexts or {}).get(operation.uuid) or admin_context(operation.request_id)
            with self._lock:
                if (operation.uuid, operation.epoch) not in self._mine:
                    self._mine.add((operation.uuid, operation.epoch))
                    superseded = self._line_up(_Task(ctx, assignment))
                else:
                    superseded = []
            for task in superseded:
                task.cancellation.cancel()

    def _line_up(self, task: _Task) -> list[_Task]:
        """Put an operation behind the others of its server. Gives those that have begun. Holding the lock."""
        line = self._lines.setdefault(task.server, [])
        for earlier in [earlier for earlier in line if self._withdraw(earlier)]:
            LOG.info("instance %s: %s is not begun any more", earlier.server, earlier.operation.workflow)
            line.remove(earlier)
            self._mine.discard(earlier.key)
            self._heard.pop(earlier.operation.uuid, None)
        line.append(task)
        if line[0] is task:
            self._begin(task)
        return line[:-1]

    def _withdraw(self, task: _Task) -> bool:
        """Make sure that an operation will never begin. Gives whether it had not yet. Holding the lock."""
        if task.future is None:
            # Behind others of its server, or a build behind others of its host.
            return self._lines[task.server][0] is not task or self._builds.withdraw(task.host, task)
        if not task.future.cancel():
            return False
        if task.kind == _BUILD:
            self._builds.ended(task.host)
        return True

    def _begin(self, task: _Task) -> None:
        """Have an operation begin whose turn it is on its server. Holding the lock."""
        if self._draining.is_set():
            return
        if task.kind == _BUILD:
            self._builds.put(task.host, task)
        else:
            self._give_thread(task)

    def _give_thread(self, task: _Task) -> None:
        if not self._draining.is_set():
            task.future = self._pools[task.kind].submit(self._serve, task)

    def _serve(self, task: _Task) -> None:
        """Run an operation, then have the next one of its server begin."""
        if self._draining.is_set():
            return
        try:
            self._run(task)
        except Exception:
            LOG.exception("instance %s: operation %s failed", task.server, task.operation.uuid)
        if self._end(task):
            try:
                self._on_news(task.server)
            except Exception:
                LOG.exception("instance %s: its guest could not be looked at", task.server)

    def _end(self, task: _Task) -> bool:
        """An operation has ended. Gives whether there is news of the guest that nobody has looked at."""
        with self._lock:
            self._mine.discard(task.key)
            if (ctx := self._heard.pop(task.operation.uuid, None)) is not None:
                self._hints.put((ctx, (task.operation.uuid,)))
            if task.kind == _BUILD:
                self._builds.ended(task.host)
            line = self._lines[task.server]
            line.remove(task)
            if line:
                self._begin(line[0])
                return False
            del self._lines[task.server]
            news = task.server in self._news
            self._news.discard(task.server)
            return news

    def _run(self, task: _Task) -> None:
        task.ctx.update_store()
        name, host = task.operation.workflow, task.host
        LOG.info("instance %s: %s begins on %s", task.server, name, host)
        job = Job(task.ctx, task.assignment, host, self._tools, task.cancellation)
        try:
            if task.has_waited_long:
                self._journal.progress(job, task.operation.journal, None)
            done = workflow.run(workflow_of(task.operation), job, self._journal)
        except errors.Fenced as error:
            LOG.info("instance %s: %s", task.server, error)
            self._on_fenced(host, task.server)
            return
        if job.doubtful:
            with self._lock:
                self._news.add(task.server)
        if task.kind == _BUILD and done is not None:
            self._on_build(host, done)
        LOG.info("instance %s: %s has ended", task.server, name)
