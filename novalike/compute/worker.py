"""Takes operations up and runs them: many at a time, but one at a time per server."""

import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from novalike.bus import conductor as interfaces
from novalike.bus.transport import Transport
from novalike.compute import workflow
from novalike.compute.journal import Journal
from novalike.compute.workflow import Job, Tools
from novalike.compute.workflows import workflow_named
from novalike.objects import errors
from novalike.objects.context import RequestContext, admin_context
from novalike.objects.operation import Assignment

LOG = logging.getLogger(__name__)

_THREADS = 64


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
        self._stopping = threading.Event()
        # Nothing is begun any more; what was taken up stays recorded, and is recovered at the next start.
        self._draining = threading.Event()
        self._conductor: interfaces.Journal = transport.client(interfaces.Journal)
        self._journal = Journal(transport, self._stopping)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="operation")
        self._hints: queue.SimpleQueue[tuple[RequestContext, tuple[str, ...]] | None] = queue.SimpleQueue()
        self._taker = threading.Thread(target=self._take, name="taker", daemon=True)
        self._lock = threading.Lock()
        self._mine: set[str] = set()
        self._builds = {
            host: threading.Semaphore(tools.conf.max_concurrent_builds) for host in tools.driver.hosts()
        }
        # Operations of one server wait for each other, in the order in which they were taken up.
        self._queues: dict[str, list[tuple[RequestContext, Assignment]]] = {}

    def start(self) -> None:
        """Begin to take operations up."""
        self._taker.start()

    def stop(self) -> None:
        """Take nothing new up, begin nothing. What has begun goes on."""
        self._draining.set()
        self._hints.put(None)

    def wait(self) -> None:
        """Finish what has begun. Gives up waiting for an unreachable conductor."""
        self._taker.join()
        self._stopping.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def works_on(self, instance_uuid: str) -> bool:
        """Whether something is being done to a server here."""
        with self._lock:
            return instance_uuid in self._queues

    def keeps_for_later(self, instance_uuid: str) -> bool:
        """Take news of a guest, to be told again when nothing is done to its server any more; not if nothing is now."""
        with self._lock:
            busy = instance_uuid in self._queues
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
                new = {op: ctx for op, ctx in wanted.items() if op not in self._mine}
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
                if operation.uuid in self._mine:
                    continue
                self._mine.add(operation.uuid)
                line = self._queues.setdefault(operation.instance_uuid, [])
                line.append((ctx, assignment))
                if len(line) > 1:
                    # What runs has been superseded: it should not wait for anything any more.
                    self._tools.networking.events.abandon(operation.instance_uuid)
                    continue
            self._pool.submit(self._serve, operation.instance_uuid)

    def _serve(self, instance_uuid: str) -> None:
        """Run the operations of one server until there are no more."""
        while not self._draining.is_set():
            with self._lock:
                ctx, assignment = self._queues[instance_uuid][0]
            try:
                self._run(ctx, assignment)
            except Exception:
                LOG.exception("instance %s: operation %s failed", instance_uuid, assignment.operation.uuid)
            with self._lock:
                self._mine.discard(assignment.operation.uuid)
                line = self._queues[instance_uuid]
                line.pop(0)
                if line:
                    continue
                del self._queues[instance_uuid]
                news = instance_uuid in self._news
                self._news.discard(instance_uuid)
            if news:
                try:
                    self._on_news(instance_uuid)
                except Exception:
                    LOG.exception("instance %s: its guest could not be looked at", instance_uuid)
            return

    def _run(self, ctx: RequestContext, assignment: Assignment) -> None:
        ctx.update_store()
        operation = assignment.operation
        host = operation.host or ""
        with self._builds[host] if operation.workflow == "create" else contextlib.nullcontext():
            if self._draining.is_set():
                return
            LOG.info("instance %s: %s begins on %s", operation.instance_uuid, operation.workflow, host)
            job = Job(ctx, assignment, host, self._tools)
            try:
                done = workflow.run(workflow_named(operation.workflow), job, self._journal)
            except errors.Fenced as error:
                LOG.info("instance %s: %s", operation.instance_uuid, error)
                self._on_fenced(host, operation.instance_uuid)
                return
        if job.doubtful:
            with self._lock:
                self._news.add(operation.instance_uuid)
        if operation.workflow == "create" and done is not None:
            self._on_build(host, done)
        LOG.info("instance %s: %s has ended", operation.instance_uuid, operation.workflow)
