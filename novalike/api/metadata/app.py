"""The metadata service's WSGI application."""

import datetime
import html
import http
import logging
from collections.abc import Callable, Iterable
from typing import Any

import falcon
from oslo_config import cfg

from novalike.api.faults import RETRY_AFTER, status_of
from novalike.api.metadata import caller
from novalike.api.metadata.specs import Specs
from novalike.api.middleware.proxy_headers import behind_proxy
from novalike.bus.metadata import MetadataCommands, MetadataReads
from novalike.bus.transport import Transport
from novalike.clients.neutron import NeutronClient
from novalike.conf.vendordata import read_vendor_data
from novalike.guest_metadata import lookup
from novalike.guest_metadata.guest import Guest
from novalike.objects import errors
from novalike.objects.context import admin_context

LOG = logging.getLogger(__name__)

# Bytes of a password, encrypted with a key of at most 4096 bits: four pieces of 255 in the database.
LONGEST_PASSWORD = 1020

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def make_app(conf: cfg.ConfigOpts, transport: Transport, *, neutron: NeutronClient | None = None) -> WSGI:
    """The whole application.

    :raises SystemExit: the configuration isn't safe or has an unreadable file; the message names the option.
    """
    if conf.neutron.service_metadata_proxy and not conf.neutron.metadata_proxy_shared_secret:
        raise SystemExit(
            "[neutron] metadata_proxy_shared_secret must be set with service_metadata_proxy: without it anybody "
            "could pass for any guest"
        )
    try:
        vendor_data = read_vendor_data(conf)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    service = MetadataService(
        conf,
        Specs(transport.client(MetadataReads), conf.api_metadata.metadata_cache_expiration),
        transport.client(MetadataCommands),
        neutron or NeutronClient(conf),
        vendor_data,
    )
    app = falcon.App()
    app.add_error_handler(Exception, _answer_error)
    app.add_sink(service.answer, prefix="/")
    return behind_proxy(app, conf)


class MetadataService:
    """Answers guests.

    :param vendor_data: the operator's document for all guests.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        specs: Specs,
        commands: MetadataCommands,
        neutron: NeutronClient,
        vendor_data: dict[str, Any] | None,
    ) -> None:
        self._conf = conf
        self._specs = specs
        self._commands = commands
        self._neutron = neutron
        self._vendor_data = vendor_data

    def answer(self, req: falcon.Request, resp: falcon.Response, **_groups: Any) -> None:
        """Any request. Paths are read by ``guest_metadata.lookup``; only the password can be written."""
        if lookup.is_root(req.path):
            _fill(resp, lookup.versions_page())
            return
        who = self._caller(req)
        spec = self._specs.get(who.server_id, who.project_id)
        guest = Guest(
            spec=spec,
            vifs=spec.server.vifs,
            dhcp_domain=self._conf.dhcp_domain,
            vendor_data=self._vendor_data,
            address=who.address,
        )
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        try:
            found = lookup.look_up(guest, req.path, today=today)
        except KeyError as error:
            raise errors.NotFound("The resource could not be found.") from error
        if req.method in ("GET", "HEAD"):
            _fill(resp, found)
        elif not found.is_password:
            raise falcon.HTTPMethodNotAllowed(["GET", "HEAD"])
        elif req.method == "POST":
            self._set_password(guest, req, who)
        else:
            raise errors.Invalid("GET and POST only are supported.")

    def _caller(self, request: falcon.Request) -> caller.Caller:
        if self._conf.neutron.service_metadata_proxy:
            return caller.from_proxy(request.headers, self._conf.neutron.metadata_proxy_shared_secret)
        # A header only if a proxy is configured: others could write what they like into it.
        return caller.from_address(self._neutron, request.remote_addr)

    def _set_password(self, guest: Guest, request: falcon.Request, who: caller.Caller) -> None:
        if guest.password:
            raise errors.Conflict("There was a conflict when trying to complete your request.")
        if (request.content_length or 0) > LONGEST_PASSWORD:
            raise errors.Invalid("Request is too large.")
        body = request.bounded_stream.read(LONGEST_PASSWORD + 1)
        if len(body) > LONGEST_PASSWORD:
            raise errors.Invalid("Request is too large.")
        try:
            password = body.decode()
        except UnicodeDecodeError as error:
            raise errors.Invalid("The password is not text.") from error
        self._commands.set_password(
            admin_context(), server_id=who.server_id, project_id=who.project_id, password=password
        )
        self._specs.forget(who.server_id, who.project_id)


def _fill(response: falcon.Response, found: lookup.Answer) -> None:
    text = found.content_type == "text/plain"
    response.content_type = "text/plain; charset=UTF-8" if text else found.content_type
    response.data = found.content


def _answer_error(
    request: falcon.Request, response: falcon.Response, error: Exception, _params: dict[str, Any]
) -> None:
    """An error as a page of HTML, never without a body: Neutron's proxy makes a 502 of that."""
    if isinstance(error, falcon.HTTPError):
        status, message = error.status_code, error.title or ""
        response.set_headers(error.headers or {})
    elif isinstance(error, errors.InstanceNotFound):
        status, message = 404, "The resource could not be found."
    elif isinstance(error, errors.NovalikeError):
        status, message = status_of(error), str(error)
    else:
        LOG.exception("%s %s failed", request.method, request.path)
        status, message = 500, ""
    if status >= 500:
        if isinstance(error, errors.NovalikeError):
            LOG.error("%s %s: %s", request.method, request.path, error)
        message = "An unknown error has occurred. Please try your request again."
    if status == 503:
        response.set_header("Retry-After", RETRY_AFTER)
    title = f"{status} {http.HTTPStatus(status).phrase}"
    response.status = title
    response.content_type = "text/html; charset=UTF-8"
    response.text = (
        f"<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n"
        f"  {html.escape(message)}\n </body>\n</html>\n"
    )
