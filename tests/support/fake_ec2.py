"""EC2 on 127.0.0.1, as far as `detoxml cluster` uses it: the query protocol with answers in XML, for the real AWS CLI.
It keeps machines, spot requests and a list of the calls, and misbehaves as a test tells it to."""

import threading
import urllib.parse
import uuid
from xml.sax.saxutils import escape

from loopback import LoopbackServer

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
KEY_ID = "AKIAFAKEFAKEFAKEFAKE"
SECRET = "fake/secret+that/must+never/be+shown"


class Refused(Exception):
    def __init__(self, code, message, status=400):
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class Machine:
    def __init__(self, number, role_type, tags, spot):
        self.id = f"i-{number:017x}"
        self.type, self.tags, self.spot = role_type, dict(tags), spot
        self.private, self.public = f"10.0.0.{number + 10}", f"198.51.100.{number + 10}"
        self.state, self.reason, self.looks, self.checks = "pending", "", 0, "initializing"

    def look(self, runs_after, ok_after):
        """A machine grows up by being looked at."""
        self.looks += 1
        if self.state == "shutting-down":
            self.state = "terminated"
        if self.state == "pending" and self.looks > runs_after:
            self.state = "running"
        if self.state == "running" and self.looks > ok_after:
            self.checks = "ok"

    def die(self, reason):
        self.state, self.reason = "terminated", reason


def parse_list(form, name):
    """Name.1, Name.2, ... in order."""
    values = []
    while f"{name}.{len(values) + 1}" in form:
        values.append(form[f"{name}.{len(values) + 1}"])
    return values


def filters_of(form):
    found, number = {}, 1
    while f"Filter.{number}.Name" in form:
        found[form[f"Filter.{number}.Name"]] = parse_list(form, f"Filter.{number}.Value")
        number += 1
    return found


def tags_for(form, kind):
    number = 1
    while f"TagSpecification.{number}.ResourceType" in form:
        start = f"TagSpecification.{number}."
        if form[start + "ResourceType"] == kind:
            tags, tag = {}, 1
            while f"{start}Tag.{tag}.Key" in form:
                tags[form[f"{start}Tag.{tag}.Key"]] = form[f"{start}Tag.{tag}.Value"]
                tag += 1
            return tags
        number += 1
    return {}


def tag_xml(tags):
    return "<tagSet>" + "".join(f"<item><key>{escape(k)}</key><value>{escape(v)}</value></item>"
                                for k, v in tags.items()) + "</tagSet>"


def matches(tags, state, filters):
    for name, values in filters.items():
        if name.startswith("tag:") and tags.get(name[4:]) not in values:
            return False
        if name in ("state", "instance-state-name") and state not in values:
            return False
    return True


class FakeEc2(LoopbackServer):
    """`before(action, form, number)` may raise Refused, or hold the call up; number counts the calls of an action from 0.
    `after` may change what there is when a call is done, and raise as well: then it took effect all the same."""

    protocol = "HTTP/1.1"

    def __init__(self, before=None, after=None, runs_after=0, ok_after=0):
        self.before, self.after = before, after
        self.runs_after, self.ok_after = runs_after, ok_after
        self.machines, self.requests, self.tokens, self.calls = [], [], {}, []
        self.lock = threading.RLock()
        super().__init__()

    def count(self, action):
        return sum(call == action for call, _ in self.calls)

    def alive(self, cluster=None):
        return [m for m in self.machines if m.state in ("pending", "running")
                and (cluster is None or m.tags.get("detox-cluster") == cluster)]

    def add_machine(self, tags, spot=False):
        machine = Machine(len(self.machines), "m5.large", tags, spot)
        self.machines.append(machine)
        return machine

    def answer(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", "0"))).decode()
        form = dict(urllib.parse.parse_qsl(body, keep_blank_values=True))
        action = form.get("Action", "")
        try:
            if f"Credential={KEY_ID}/" not in handler.headers.get("Authorization", ""):
                raise Refused("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
            with self.lock:
                number = self.count(action)
                self.calls.append((action, form))
            if self.before:
                self.before(action, form, number)
            with self.lock:
                content = getattr(self, action)(form)
            if self.after:
                self.after(action, form, number)
            status = 200
            text = f'<{action}Response xmlns="{NAMESPACE}"><requestId>{uuid.uuid4()}</requestId>{content}</{action}Response>'
        except Refused as refused:
            status = refused.status
            text = (f"<Response><Errors><Error><Code>{refused.code}</Code><Message>{escape(refused.message)}</Message>"
                    f"</Error></Errors><RequestID>{uuid.uuid4()}</RequestID></Response>")
        data = text.encode()
        try:
            handler.send_response(status)
            handler.send_header("Content-Type", "text/xml;charset=UTF-8")
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # whoever asked was killed

    # The calls, by their names.

    def RunInstances(self, form):
        token = form.get("ClientToken")
        if token in self.tokens:
            made, before = self.tokens[token]
            if before != form:
                raise Refused("IdempotentParameterMismatch", "the same token, other parameters")
            return self.reservation_xml(made)
        spot = form.get("InstanceMarketOptions.MarketType") == "spot"
        made = []
        for _ in range(int(form["MaxCount"])):
            machine = self.add_machine(tags_for(form, "instance"), spot)
            machine.type = form["InstanceType"]
            made.append(machine)
            if spot:
                self.requests.append({"id": f"sir-{len(self.requests):08x}", "state": "active",
                                      "tags": tags_for(form, "spot-instances-request")})
        self.tokens[token] = (made, form)
        return self.reservation_xml(made)

    def DescribeInstances(self, form):
        found = [m for m in self.machines if matches(m.tags, m.state, filters_of(form))]
        for machine in found:
            machine.look(self.runs_after, self.ok_after)
        items = "".join(f"<item>{self.reservation_xml([m])}</item>" for m in found)
        return f"<reservationSet>{items}</reservationSet>"

    def reservation_xml(self, machines):
        items = ""
        for m in machines:
            alive = m.state in ("pending", "running")
            items += (f"<item><instanceId>{m.id}</instanceId><instanceType>{m.type}</instanceType>"
                      f"<instanceState><code>0</code><name>{m.state}</name></instanceState>"
                      + (f"<privateIpAddress>{m.private}</privateIpAddress>" if alive else "")
                      + (f"<ipAddress>{m.public}</ipAddress>" if m.state == "running" else "")
                      + (f"<stateReason><code>x</code><message>{escape(m.reason)}</message></stateReason>" if m.reason
                         else "")
                      + ("<instanceLifecycle>spot</instanceLifecycle>" if m.spot else "") + tag_xml(m.tags) + "</item>")
        return f"<reservationId>r-1</reservationId><instancesSet>{items}</instancesSet>"

    def DescribeInstanceStatus(self, form):
        items = ""
        for instance in parse_list(form, "InstanceId"):
            for m in self.machines:
                if m.id == instance and m.state == "running":
                    items += (f"<item><instanceId>{m.id}</instanceId>"
                              f"<systemStatus><status>{m.checks}</status></systemStatus>"
                              f"<instanceStatus><status>{m.checks}</status></instanceStatus></item>")
        return f"<instanceStatusSet>{items}</instanceStatusSet>"

    def DescribeSpotInstanceRequests(self, form):
        items = "".join(f"<item><spotInstanceRequestId>{r['id']}</spotInstanceRequestId><state>{r['state']}</state>"
                        f"<status><code>pending-evaluation</code></status>{tag_xml(r['tags'])}</item>"
                        for r in self.requests if matches(r["tags"], r["state"], filters_of(form)))
        return f"<spotInstanceRequestSet>{items}</spotInstanceRequestSet>"

    def CancelSpotInstanceRequests(self, form):
        for request in self.requests:
            if request["id"] in parse_list(form, "SpotInstanceRequestId"):
                request["state"] = "cancelled"
        return "<spotInstanceRequestSet/>"

    def TerminateInstances(self, form):
        for machine in self.machines:
            if machine.id in parse_list(form, "InstanceId"):
                machine.state = "shutting-down"
        return "<instancesSet/>"
