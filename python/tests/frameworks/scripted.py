"""A model that says what a test tells it to, behind the endpoints of OpenAI and Anthropic."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Call:
    """A turn in which the model calls a tool."""

    name: str
    arguments: dict = field(default_factory=dict)


class Model:
    """Answers each request with the next turn: a ``Call``, a text, or a function that makes a turn
    of what the last tools answered."""

    def __init__(self, *turns):
        self.turns = list(turns)
        self.outputs = []
        """What the tools had answered, for each request."""
        self.tools = set()
        """The names of the tools in any request."""
        self.faults = []
        self._lock = threading.Lock()

    def __enter__(self):
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                try:
                    answer = model.answer(self.path.partition("?")[0], body)
                except Exception as fault:
                    model.faults.append(fault)
                    return self.say(400, {"error": {"message": repr(fault)}})
                self.say(200, answer)

            def say(self, status, answer):
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def environment(self):
        """The variables by which the libraries find this model."""
        url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return {
            "OPENAI_BASE_URL": f"{url}/v1",
            "OPENAI_API_KEY": "of-a-test",
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": "of-a-test",
            # Whatever else they would reach is not there.
            "HTTP_PROXY": "http://127.0.0.1:9",
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1",
        }

    def answer(self, path, request):
        """The response to a request."""
        endpoint = ENDPOINTS[path]
        if request.get("stream"):
            raise ValueError("this model does not stream")
        with self._lock:
            self.tools |= {endpoint.tool(tool) for tool in request.get("tools") or ()}
            said = endpoint.outputs(request)
            self.outputs.append(said)
            turn = self.turns.pop(0)
        if callable(turn):
            turn = turn(said)
        name = f"call-{len(self.outputs)}"
        return endpoint.call(name, turn) if isinstance(turn, Call) else endpoint.text(turn)


class Responses:
    """OpenAI's Responses."""

    @staticmethod
    def tool(tool):
        return tool["name"]

    @staticmethod
    def outputs(request):
        items = request["input"] if isinstance(request["input"], list) else []
        told = [item["output"] for item in items if item.get("type") == "function_call_output"]
        return flat(told[-1]) if told else ""

    @classmethod
    def call(cls, name, turn):
        arguments = json.dumps(turn.arguments)
        ids = {"id": f"fc-{name}", "call_id": name, "status": "completed"}
        return cls._response(
            {"type": "function_call", **ids, "name": turn.name, "arguments": arguments}
        )

    @classmethod
    def text(cls, text):
        content = [{"type": "output_text", "text": text, "annotations": []}]
        ids = {"id": "msg-1", "status": "completed"}
        return cls._response({"type": "message", "role": "assistant", **ids, "content": content})

    @staticmethod
    def _response(item):
        details = {"cached_tokens": 0, "cache_write_tokens": 0}
        return {
            "id": "resp-1",
            "object": "response",
            "created_at": 0,
            "status": "completed",
            "model": "scripted",
            "output": [item],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": 1,
                "input_tokens_details": details,
                "output_tokens": 1,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 2,
            },
        }


class Chat:
    """OpenAI's chat completions."""

    @staticmethod
    def tool(tool):
        return tool["function"]["name"]

    @staticmethod
    def outputs(request):
        # Some libraries hand on what a tool answered as the user's words.
        last = request["messages"][-1]
        return flat(last["content"]) if len(request["messages"]) > 2 else ""

    @classmethod
    def call(cls, name, turn):
        function = {"name": turn.name, "arguments": json.dumps(turn.arguments)}
        calls = [{"id": name, "type": "function", "function": function}]
        message = {"role": "assistant", "content": None, "tool_calls": calls}
        return cls._completion(message, "tool_calls")

    @classmethod
    def text(cls, text):
        return cls._completion({"role": "assistant", "content": text}, "stop")

    @staticmethod
    def _completion(message, reason):
        return {
            "id": "chat-1",
            "object": "chat.completion",
            "created": 0,
            "model": "scripted",
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }


class Messages:
    """Anthropic's messages."""

    @staticmethod
    def tool(tool):
        return tool["name"]

    @staticmethod
    def outputs(request):
        content = request["messages"][-1]["content"]
        blocks = content if isinstance(content, list) else []
        return "".join(
            flat(one.get("content", "")) for one in blocks if one.get("type") == "tool_result"
        )

    @classmethod
    def call(cls, name, turn):
        block = {"type": "tool_use", "id": name, "name": turn.name, "input": turn.arguments}
        return cls._message(block, "tool_use")

    @classmethod
    def text(cls, text):
        return cls._message({"type": "text", "text": text}, "end_turn")

    @staticmethod
    def _message(block, reason):
        return {
            "id": "msg-1",
            "type": "message",
            "role": "assistant",
            "model": "scripted",
            "content": [block],
            "stop_reason": reason,
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }


def flat(content):
    """Text that is a string, or a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


ENDPOINTS = {
    "/v1/responses": Responses,
    "/v1/chat/completions": Chat,
    "/v1/messages": Messages,
}
