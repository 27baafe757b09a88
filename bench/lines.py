"""Python in the bench: lines.py FILE STEP is a peer (see peer.h) that checks a file of prompts and completions with the json module,
and reports what bedrock.tuning.check_dataset does. The unit of work is the next STEP MiB."""
import json
import sys
import time

MOST_TOKENS = 4096
REMEMBER = 524288
KEYS = {"prompt", "completion"}
QUARTERS = {1: 1, 2: 2, 3: 4, 4: 8}


class Check:
    def __init__(self, path):
        self.file = open(path, "rb")
        self.line = self.offset = self.records = self.characters = self.quarters = 0
        self.problems = {}
        self.lengths = {}
        self.tokens = {}
        self.seen = {}

    def tell(self, rule, column=1):
        places = self.problems.setdefault(rule, [0, []])
        places[0] += 1
        if len(places[1]) < 10:
            places[1].append((self.line, self.offset, column))

    def check_text(self, record, key):
        text = record.get(key)
        if text is None and key not in record:
            self.tell("missing-key")
        elif not isinstance(text, str):
            self.tell("wrong-type")
        elif not text or text.isspace():
            self.tell("empty-text")
        else:
            if "\0" in text:
                self.tell("escaped-nul")
            if text.isascii():
                return len(text), len(text)
            try:
                return len(text), sum(QUARTERS[len(c.encode())] for c in text)
            except UnicodeEncodeError:
                self.tell("lone-surrogate")
        return 0, 0

    def object_of(self, pairs):
        record = dict(pairs)
        if len(record) < len(pairs):
            self.tell("duplicate-key")
        return record

    def check_line(self, line):
        if line.startswith(b"\xef\xbb\xbf"):
            self.tell("byte-order-mark")
            line = line[3:]
        if line.endswith(b"\r\n"):
            self.tell("crlf")
        line = line.strip()
        if not line:
            return self.tell("blank-line")
        self.records += 1
        try:
            record = json.loads(line.decode(), object_pairs_hook=self.object_of)
        except UnicodeDecodeError as error:
            return self.tell("invalid-utf-8", error.start)
        except json.JSONDecodeError as error:
            return self.tell("json", error.colno)
        if not isinstance(record, dict):
            return self.tell("not-an-object")
        for key in record:
            if key not in KEYS:
                self.tell("unknown-key")
        a, b = self.check_text(record, "prompt"), self.check_text(record, "completion")
        characters, tokens = a[0] + b[0], (a[1] + b[1] + 3) // 4
        if characters > MOST_TOKENS * 6:
            self.tell("record-too-long")
        elif tokens > MOST_TOKENS:
            self.tell("record-maybe-too-long")
        self.characters += characters
        self.quarters += a[1] + b[1]
        self.lengths[characters] = self.lengths.get(characters, 0) + 1
        self.tokens[tokens] = self.tokens.get(tokens, 0) + 1
        key = hash(line)
        if key in self.seen:
            self.tell("duplicate-record")
        elif len(self.seen) < REMEMBER:
            self.seen[key] = self.line

    def step(self, size):
        """True at the end of the file."""
        wanted = self.offset + size
        for line in self.file:
            self.line += 1
            self.check_line(line)
            self.offset += len(line)
            if self.offset >= wanted:
                return False
        self.file.close()
        assert not self.problems, self.problems
        return True


def serve(path, size):
    check = None
    for line in sys.stdin:
        name, n = line.split()
        if name != "dataset":
            print("-", flush=True)
            continue
        until = time.monotonic() + (0 if check else 0.5)
        check = check or Check(path)
        while time.monotonic() < until:
            check.step(size)
        started = time.process_time()
        for _ in range(int(n)):
            if check.step(size):
                check = Check(path)
        print("%.4f" % ((time.process_time() - started) * 1e6 / int(n)), flush=True)


serve(sys.argv[1], int(sys.argv[2]) * 2 ** 20)
