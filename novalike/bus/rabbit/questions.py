"""What is sent: questions, to a queue that those who answer share, and answers, to the asker's pseudo-queue.

(That is RabbitMQ's "direct reply-to".) A hint is a question that says nobody to answer to. The envelope is one JSON
document, and nothing is kept on disk. What oslo.messaging does for each message costs four times as much processor time
as all of this (``docs/performance.md``).
"""

from typing import Any

import msgspec

from novalike.bus import versions
from novalike.bus.interface import Interface, methods
from novalike.objects.context import RequestContext

encode_json = msgspec.json.Encoder().encode


class Question(msgspec.Struct):
    """What is asked.

    :param i, v, m: interface, the version of it that is needed (:mod:`novalike.bus.versions`), method.
    :param c: who asks.
    :param p: the arguments.
    """

    i: str
    v: str
    m: str
    c: dict[str, Any]
    p: msgspec.Raw


class Answer(msgspec.Struct):
    """What is answered: ``r``, the result, or ``e``, an error."""

    r: msgspec.Raw = msgspec.Raw()
    e: dict[str, Any] | None = None


def queue(topic: str, endpoint: str | None) -> str:
    """The queue of questions to anybody who serves a topic, or to one of them."""
    return f"questions.{topic}.{endpoint}" if endpoint else f"questions.{topic}"


def encode(interface: type[Interface], method: str, ctx: RequestContext, payload: str) -> bytes:
    """A question, as it is sent.

    :param payload: the arguments, encoded.
    """
    version = versions.needed(methods(interface)[method], payload)
    return encode_json(Question(interface.__name__, version, method, ctx.to_wire(), msgspec.Raw(payload.encode())))


decode_question = msgspec.json.Decoder(Question).decode
decode_answer = msgspec.json.Decoder(Answer).decode
