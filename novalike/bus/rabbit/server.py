"""Answering: a process that takes questions from the queue that it shares with others of its kind.

A question is acknowledged when it is answered, so what a dying process had taken goes to another one. That one answers
it if it may be repeated. If not, it says that nobody knows whether it was done.
"""

import concurrent.futures
import functools
import logging
import threading
from collections.abc import Sequence
from typing import Any

import amqp
import msgspec

from novalike.bus import versions, wire
from novalike.bus.interface import Method
from novalike.bus.rabbit.brokers import LOST, TROUBLE, Brokers
from novalike.bus.rabbit.connection import Connection
from novalike.bus.rabbit.questions import Question, decode_question, encode_json, queue
from novalike.bus.rabbit.work import Work
from novalike.bus.transport import NoAnswer, Offer, Server
from novalike.objects import errors

LOG = logging.getLogger(__name__)

# Seconds between two attempts to reach a broker.
_PAUSE = 0.5
_TAKEN = (
    "whoever had taken the request is gone; it is not known whether it was carried out, so look before you repeat it"
)


class Dispatcher:
    """Has questions answered by whom they are for."""

    def __init__(self, offers: Sequence[Offer]) -> None:
        self._offers = {interface.__name__: (interface, handler) for interface, handler in offers}

    def answer(self, body: bytes, *, again: bool = False) -> dict[str, Any]:
        """What is answered: ``r`` or ``e``, and neither for a hint.

        :param body: see :func:`novalike.bus.rabbit.questions.encode`.
        :param again: somebody has had this question before, and may have done what it asks for.
        :raises msgspec.MsgspecError, ValueError: this is no question.
        """
        question = decode_question(body)
        try:
            method, handler = self._find(question)
            if again and not method.repeatable:
                raise NoAnswer(reason=_TAKEN)
        except errors.Unavailable as error:
            return {"e": error.to_wire()}
        answer = wire.answer(method, getattr(handler, method.name), question.c, question.p)
        if answer is None:  # nobody waits for one to a hint
            return {}
        return answer if "e" in answer else {"r": msgspec.Raw(answer["r"])}

    def may_be_given_away(self, body: bytes) -> bool:
        """Whether another process may be given this question, which was not looked at here."""
        try:
            return self._find(decode_question(body))[0].repeatable
        except (errors.Unavailable, msgspec.MsgspecError, ValueError):
            return True

    def _find(self, question: Question) -> tuple[Method, object]:
        interface, handler = self._offers.get(question.i, (None, None))
        return versions.find(interface, question.i, question.m, question.v), handler


class Answerer(Server):
    """Answers as soon as it is made; making it waits for the broker.

    :param name: how the broker's tools call its connection.
    :param offers: (interface, object with its methods), all of one topic.
    :param pool_size: questions worked on at a time.
    """

    def __init__(self, brokers: Brokers, name: str, offers: Sequence[Offer], endpoint: str, pool_size: int) -> None:
        (topic,) = {interface.topic for interface, _ in offers}
        self._brokers, self._name, self._pool_size = brokers, f"{name} answers {topic}", pool_size
        self._queues = (queue(topic, None), queue(topic, endpoint))
        self._dispatcher = Dispatcher(offers)
        # As many as the broker sends, so that who reads need not wait: the pool's threads take one after the other.
        self._work = Work(pool_size * len(self._queues))
        self._pool = concurrent.futures.ThreadPoolExecutor(pool_size, thread_name_prefix=f"answer {topic}")
        self._stopping = threading.Event()
        self._connection: Connection | None = None
        self._connect()

    def _connect(self) -> None:
        """Try until it is possible."""
        said = False
        while not self._stopping.is_set():
            try:
                connection = Connection(self._brokers, self._name, self._lost)
                try:
                    self._listen(connection)
                except BaseException:
                    connection.close()
                    raise
                if self._stopping.is_set():
                    connection.close()
                return
            except LOST as error:
                if not said:
                    LOG.warning("%s: waiting for the broker: %s", self._name, error)
                    said = True
                self._stopping.wait(_PAUSE)

    def _listen(self, connection: Connection) -> None:
        options = self._brokers.options
        arguments: dict[str, Any] = {}
        if options.rabbit_transient_queues_ttl:
            arguments["x-expires"] = options.rabbit_transient_queues_ttl * 1000
        if options.rabbit_quorum_queue:
            arguments["x-queue-type"] = "quorum"
        channel = connection.channel
        channel.basic_qos(0, self._pool_size, False)
        for name in self._queues:
            channel.queue_declare(
                name,
                durable=options.amqp_durable_queues or options.rabbit_quorum_queue,
                auto_delete=False,
                arguments=arguments,
            )
            channel.basic_consume(name, consumer_tag=name, callback=functools.partial(self._take, connection))
        self._connection = connection
        connection.start()

    def _lost(self) -> None:
        if not self._stopping.is_set():
            threading.Thread(target=self._connect, name="reconnect", daemon=True).start()

    def _take(self, connection: Connection, message: amqp.Message) -> None:
        if self._stopping.is_set() and self._dispatcher.may_be_given_away(message.body):
            connection.give_back(message)
            return
        self._work.begin()
        self._pool.submit(self._deal_with, connection, message)

    def _deal_with(self, connection: Connection, message: amqp.Message) -> None:
        try:
            answer = self._dispatcher.answer(message.body, again=message.delivery_info["redelivered"])
            properties = message.properties
            if "reply_to" not in properties:
                if "e" in answer:
                    LOG.warning("a hint was dropped: %s", answer["e"]["message"])
                connection.done_with(message)
                return
            correlation = properties["correlation_id"]
            reply = amqp.Message(encode_json(answer), correlation_id=correlation, content_encoding="binary")
            connection.answer(reply, properties["reply_to"], message)
        except TROUBLE as error:
            # The broker gives the question to somebody else, or its asker asks again.
            LOG.debug("an answer could not be sent: %s", error)
        except Exception:
            LOG.exception("something that isn't a question came to %s", self._name)
            connection.done_with(message)
        finally:
            self._work.end()

    def stop(self) -> None:
        """Take no more questions. Others get those that come."""
        self._stopping.set()
        connection = self._connection
        if connection is not None:
            for name in self._queues:
                try:
                    connection.take_no_more(name)
                except TROUBLE:
                    return

    def wait(self) -> None:
        """Wait until those that were taken are answered."""
        self._work.wait()
        if self._connection is not None:
            self._connection.close()
        self._pool.shutdown(wait=False)
