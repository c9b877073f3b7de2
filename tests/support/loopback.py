"""HTTP servers on 127.0.0.1: what they share, and one that serves files from memory and misbehaves as a test tells it to."""

import http.server
import threading


class LoopbackServer:
    """Calls answer(handler) for each GET and POST, each on a thread of its own, from when it is made until the `with`
    block ends."""

    protocol = "HTTP/1.0"

    def __init__(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = outer.protocol

            def do_GET(self):
                outer.answer(self)

            def do_POST(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"


class Server(LoopbackServer):
    """`files`: path -> bytes. `behave(handler, body, number)` may answer itself and return True; number counts requests
    of one path from 0."""

    def __init__(self, files, behave=None, resumes=True):
        self.files, self.behave, self.resumes = files, behave, resumes
        self.requests = []
        super().__init__()

    @property
    def url(self):
        return super().url + "/files"

    def answer(self, handler):
        path, asked = handler.path, handler.headers.get("Range")
        number = sum(request[0] == path for request in self.requests)
        self.requests.append((path, asked))
        body = self.files.get(path.removeprefix("/files/"))
        if body is None:
            handler.send_error(404)
            return
        try:
            if not (self.behave and self.behave(handler, body, number)):
                self.send(handler, body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the program had enough, or was killed

    def send(self, handler, body, upto=None, trickle=None):
        """The file, or the rest that is asked for; ends early after `upto` bytes of it. `trickle`: an event, until which the
        second half comes so slowly that it does not end, and yet not so slowly that it seems to stall."""
        asked = handler.headers.get("Range")
        first = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.resumes else 0
        handler.send_response(206 if first else 200)
        if first:
            handler.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        handler.send_header("Content-Length", str(len(body) - first))
        handler.end_headers()
        rest = body[first:] if upto is None else body[first:first + upto]
        sent = len(rest) if trickle is None else len(rest) // 2
        handler.wfile.write(rest[:sent])
        while sent < len(rest):
            step = len(rest) if trickle.wait(0.1) else 1000
            handler.wfile.write(rest[sent:sent + step])
            sent += step
        if upto is not None:
            handler.wfile.flush()
            handler.close_connection = True
