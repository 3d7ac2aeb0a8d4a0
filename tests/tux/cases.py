# SPDX-License-Identifier: MIT
"""Single requests as data, for the comparison with nginx and Apache.

Where both oracles answer with the same status, TUX has to give it too.  A case with a ``ruling``
does not ask them: there they differ from each other or from RFC 9110 or 9112, which then decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.tux.documents import AFTER, BEFORE, LAST_MODIFIED
from tests.tux.servers import request

CRLF = b"\r\n"


@dataclass(frozen=True)
class Case:
    """One request; with a ruling, the statuses that TUX may answer with, and why."""

    name: str
    request: bytes
    ruling: frozenset[int] = frozenset()
    why: str = ""
    method: str = "GET"

    def __str__(self) -> str:
        return self.name


def ask(name: str, target: str, *fields: str, method: str = "GET", version: str = "1.1") -> Case:
    """A well-formed request that the oracles decide on."""
    return Case(name, request(target, *fields, method=method, version=version), method=method)


def rule(case: Case, *statuses: int, why: str) -> Case:
    """``case`` with a ruling."""
    return Case(case.name, case.request, frozenset(statuses), why, case.method)


def raw(name: str, *statuses: int, data: bytes, why: str) -> Case:
    """Bytes as they stand, with a ruling."""
    return Case(name, data, frozenset(statuses), why)


def field_line(line: bytes, version: bytes = b"1.1") -> bytes:
    """A request with ``line`` between Host and the end."""
    return b"GET /hello.txt HTTP/" + version + b"\r\nHost: localhost\r\n" + line + b"\r\n\r\n"


PLAIN = [
    ask("a file", "/hello.txt"),
    ask("HEAD of a file", "/hello.txt", method="HEAD"),
    ask("a body of no length", "/hello.txt", "Content-Length: 0"),
    ask("HTTP/1.0", "/hello.txt", version="1.0"),
    ask("HTTP/1.0 keep-alive", "/hello.txt", "Connection: keep-alive", version="1.0"),
    ask("HTTP/1.1 close", "/hello.txt", "Connection: close"),
    ask("Connection: Close, in capitals", "/hello.txt", "Connection: CLOSE"),
    ask("Connection: a list with close", "/hello.txt", "Connection: foo, close , bar"),
    ask("Connection: an unknown option", "/hello.txt", "Connection: foo"),
    ask("Connection: closed is not close", "/hello.txt", "Connection: closed"),
    Case("HTTP/1.0 without Host", request("/hello.txt", host=None, version="1.0")),
    ask("an empty file", "/sizes/0.bin"),
    ask("one byte", "/sizes/1.bin"),
    ask("a page and a byte", "/sizes/4097.bin"),
    ask("HEAD of an empty file", "/sizes/0.bin", method="HEAD"),
    ask("HEAD of a missing file", "/missing", method="HEAD"),
    ask("a missing file", "/missing"),
    ask("a file below a file", "/hello.txt/more"),
    ask("a slash after a file", "/hello.txt/"),
    ask("a missing directory", "/missing/"),
    ask("a forbidden file", "/forbidden.txt"),
    ask("a file in a closed directory", "/closed/file.txt"),
    ask("the root", "/"),
    ask("a directory", "/dir/"),
    ask("a directory without its slash", "/dir"),
    ask("a directory without its slash, query", "/dir?a=b"),
    ask("a nested directory without its slash", "/dir/sub"),
    ask("a directory with a dot, without its slash", "/dir.d"),
    ask("HEAD of a directory without its slash", "/dir", method="HEAD"),
    rule(ask("a directory without an index", "/noindex/"), 403, 404,
         why="RFC 9110 15.5.4: 403, or 404 to hide it (Apache)"),
    ask("a query", "/hello.txt?a=b&c=d"),
    ask("an empty query", "/hello.txt?"),
    ask("a query with a slash", "/hello.txt?/../../etc"),
    ask("a query with a percent sign", "/hello.txt?%zz"),
    ask("a deep path", "/deep/a/b/c/d/e/f/g/h/leaf.txt"),
    ask("a link within the tree", "/inside.txt"),
    ask("a link in a loop", "/loop"),
    rule(ask("a link to nothing", "/dangling"), 403, 404, why="as above; Apache says 403"),
    ask("names are case-sensitive", "/HELLO.TXT"),
    ask("two dots in a name", "/..dots.txt"),
    ask("a name of three dots", "/..."),
]  # fmt: skip

ENCODED = [
    ask("a percent-encoded letter", "/%68ello.txt"),
    ask("encoded letters within a name", "/%6eo%65xtension"),
    ask("an encoded space", "/with%20space.txt"),
    ask("an encoded percent sign", "/per%25cent.txt"),
    ask("a plus sign stands for itself", "/a+b.txt"),
    ask("an encoded plus sign", "/a%2Bb.txt"),
    ask("a semicolon", "/semi;colon.txt"),
    ask("an encoded question mark", "/quest%3Fion.txt"),
    ask("an encoded number sign", "/hash%23mark.txt"),
    ask("a tilde", "/tilde~.txt"),
    ask("an encoded tilde", "/tilde%7E.txt"),
    ask("an ampersand", "/a&b=c.txt"),
    ask("UTF-8", "/%C3%BCn%C3%AFcode.txt"),
    ask("encoded once, not twice", "/%2568ello.txt"),
    rule(ask("an encoded dot segment within the tree", "/dir/%2e%2e/hello.txt"), 200, 400, 403, 404,
         why="clients remove dot segments (RFC 3986 5.2.4); TUX has always refused .."),
    rule(ask("a dot segment within the tree", "/dir/../hello.txt"), 200, 400, 403, 404,
         why="as above"),
    ask("a single dot", "/./hello.txt"),
    ask("a single dot in the middle", "/dir/./file.txt"),
    rule(ask("a dot at the end", "/dir/."), 200, 301, why="as above: the directory, or its slash"),
    ask("a bad escape", "/%zz"),
    ask("a cut escape", "/%2"),
    ask("a percent sign alone", "/%"),
    rule(ask("an encoded NUL", "/hello.txt%00.html"), 400, 404,
         why="no file name holds one: malformed (nginx) or not found (Apache)"),
    rule(ask("an encoded NUL at the end", "/hello.txt%00"), 400, 404, why="as above"),
    rule(ask("two slashes", "//hello.txt"), 200, 404, why="names of files are the server's affair"),
    rule(ask("slashes in a row", "/dir//file.txt"), 200, 404, why="as above"),
    rule(ask("an encoded slash", "/dir%2Ffile.txt"), 200, 404,
         why="nginx decodes it, Apache refuses; RFC 3986 2.2 leaves it to the scheme's user"),
]  # fmt: skip

TRAVERSAL_TARGETS = (
    *("/../outside.txt", "/..", "/../", "/../../../../../../etc/passwd"),
    *("/dir/../../outside.txt", "/%2e%2e/outside.txt", "/%2e./outside.txt", "/.%2e/outside.txt"),
    *("/..%2foutside.txt", "/%2e%2e%2foutside.txt", "/%2E%2E%2Foutside.txt"),
    *("/..%5coutside.txt", "/..\\outside.txt", "/....//outside.txt", "/dir/....//outside.txt"),
    *("/%252e%252e/outside.txt", "/%c0%ae%c0%ae/outside.txt", "/..;/outside.txt"),
    *("/dir/sub/../../../outside.txt", "/./../outside.txt", "/.//../outside.txt"),
    *("/..%00/outside.txt", "/%2e%2e%00/outside.txt", "/hello.txt/../../outside.txt"),
    *("/%2fetc/passwd", "//etc/passwd", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd"),
)

CONDITIONAL = [
    ask("If-Modified-Since: the same", "/hello.txt", f"If-Modified-Since: {LAST_MODIFIED}"),
    ask("If-Modified-Since: HEAD", "/hello.txt", f"If-Modified-Since: {LAST_MODIFIED}",
        method="HEAD"),
    ask("If-Modified-Since: earlier", "/hello.txt", f"If-Modified-Since: {BEFORE}"),
    rule(ask("If-Modified-Since: later", "/hello.txt", f"If-Modified-Since: {AFTER}"), 304,
         why="RFC 9110 13.1.3: false if the modification is earlier or equal (nginx wants equal)"),
    ask("If-Modified-Since: no date", "/hello.txt", "If-Modified-Since: yesterday"),
    ask("If-Modified-Since: empty", "/hello.txt", "If-Modified-Since:"),
    rule(ask("If-Modified-Since: RFC 850 date", "/hello.txt",
             "If-Modified-Since: Sunday, 01-Jan-06 03:25:45 GMT"), 304,
         why="RFC 9110 5.6.7: a recipient MUST accept all three formats"),
    rule(ask("If-Modified-Since: asctime date", "/hello.txt",
             "If-Modified-Since: Sun Jan  1 03:25:45 2006"), 304, why="as above"),
    ask("If-None-Match: any", "/hello.txt", "If-None-Match: *"),
    ask("If-None-Match: another", "/hello.txt", 'If-None-Match: "no-such-tag"'),
    ask("If-None-Match: a list of others", "/hello.txt", 'If-None-Match: "a", "b" , W/"c"'),
    rule(ask("If-None-Match goes before If-Modified-Since", "/hello.txt",
             'If-None-Match: "another"', f"If-Modified-Since: {LAST_MODIFIED}"), 200,
         why="RFC 9110 13.1.3: If-Modified-Since MUST be ignored beside If-None-Match"),
    ask("a condition on a missing file", "/missing", f"If-Modified-Since: {LAST_MODIFIED}"),
    ask("If-None-Match on a missing file", "/missing", "If-None-Match: *"),
    rule(ask("field names in capitals", "/hello.txt", f"IF-MODIFIED-SINCE: {LAST_MODIFIED}"), 304,
         why="RFC 9110 5.1: field names are case-insensitive"),
    rule(ask("field names in lower case", "/hello.txt", f"if-modified-since: {LAST_MODIFIED}"), 304,
         why="as above"),
    rule(ask("no space after the colon", "/hello.txt", f"If-Modified-Since:{LAST_MODIFIED}"), 304,
         why="RFC 9112 5: white space around the value is optional"),
    rule(ask("spaces and tabs around the value", "/hello.txt",
             f"If-Modified-Since: \t {LAST_MODIFIED} \t "), 304, why="as above"),
]  # fmt: skip

KILOBYTE = "/sizes/1024.bin"
RANGES = [
    ask("first byte", KILOBYTE, "Range: bytes=0-0"),
    ask("first half", KILOBYTE, "Range: bytes=0-511"),
    ask("an inner part", KILOBYTE, "Range: bytes=100-199"),
    ask("last byte", KILOBYTE, "Range: bytes=1023-1023"),
    ask("open", KILOBYTE, "Range: bytes=1000-"),
    ask("open from the start", KILOBYTE, "Range: bytes=0-"),
    ask("beyond the end", KILOBYTE, "Range: bytes=1000-5000"),
    ask("suffix", KILOBYTE, "Range: bytes=-10"),
    ask("suffix of all", KILOBYTE, "Range: bytes=-1024"),
    ask("suffix of more than all", KILOBYTE, "Range: bytes=-5000"),
    ask("at the end", KILOBYTE, "Range: bytes=1024-"),
    ask("far behind the end", KILOBYTE, "Range: bytes=5000-6000"),
    ask("across a page", "/sizes/8193.bin", "Range: bytes=4095-4097"),
    ask("from a page on", "/sizes/8193.bin", "Range: bytes=4096-"),
    ask("the last page's byte", "/sizes/8193.bin", "Range: bytes=-1"),
    rule(ask("of an empty file", "/sizes/0.bin", "Range: bytes=0-0"), 200, 416,
         why="RFC 9110 14.2: SHOULD be 416; nginx and Apache send the nothing that there is"),
    rule(ask("suffix of an empty file", "/sizes/0.bin", "Range: bytes=-1"), 200,
         why="RFC 9110 14.1.2: satisfiable, even of nothing; 14.2: else Range is ignored"),
    rule(ask("suffix of nothing of an empty file", "/sizes/0.bin", "Range: bytes=-0"), 416, 200,
         why="RFC 9110 14.1.2: unsatisfiable; nginx sends the nothing that there is"),
    rule(ask("suffix of nothing", KILOBYTE, "Range: bytes=-0"), 416,
         why="RFC 9110 14.1.2: a suffix length of 0 is unsatisfiable"),
    rule(ask("HEAD ignores Range", KILOBYTE, "Range: bytes=0-9", method="HEAD"), 200,
         why="RFC 9110 14.2: Range is defined for GET alone"),
    rule(ask("another unit", KILOBYTE, "Range: pages=0-1"), 200,
         why="RFC 9110 14.2: an unknown unit MUST be ignored"),
    rule(ask("last before first", KILOBYTE, "Range: bytes=20-10"), 200, 416,
         why="RFC 9110 14.2: an invalid ranges-specifier may be ignored or answered with 416"),
    rule(ask("no numbers", KILOBYTE, "Range: bytes=-"), 200, 416, why="as above"),
    rule(ask("letters", KILOBYTE, "Range: bytes=a-b"), 200, 416, why="as above"),
    rule(ask("nothing", KILOBYTE, "Range: bytes="), 200, 416, why="as above"),
    rule(ask("no equals sign", KILOBYTE, "Range: bytes 0-1"), 200, 416, why="as above"),
    rule(ask("a number of 30 digits", KILOBYTE, f"Range: bytes={'9' * 30}-"), 200, 416,
         why="beyond any file: unsatisfiable, or invalid for a server"),
    rule(ask("an end of 30 digits", KILOBYTE, f"Range: bytes=1000-{'9' * 30}"), 200, 206, 416,
         why="an end beyond the file is the file's end; a server may also hold it for invalid"),
    rule(ask("2 to the 64 wraps to nothing", KILOBYTE, "Range: bytes=18446744073709551616-"),
         200, 416, why="as above"),
    rule(ask("2 to the 32", KILOBYTE, "Range: bytes=4294967296-4294967297"), 416, why="behind"),
    rule(ask("a negative first", KILOBYTE, "Range: bytes=-5-10"), 200, 416, why="invalid"),
    rule(ask("spaces", KILOBYTE, "Range: bytes= 0 - 9 "), 200, 206, 416,
         why="white space is invalid here, but allowed around list elements"),
    rule(ask("several", KILOBYTE, "Range: bytes=0-9,20-29"), 200, 206,
         why="RFC 9110 15.3.7.2: multipart, or the whole file (a server MAY ignore Range)"),
    rule(ask("several, one behind the end", KILOBYTE, "Range: bytes=0-9,5000-"), 200, 206,
         why="as above; the satisfiable part counts"),
    rule(ask("two Range fields", KILOBYTE, "Range: bytes=0-9", "Range: bytes=20-29"),
         200, 206, 400, why="a field that is not a list appears twice: malformed"),
    rule(ask("600 ranges", KILOBYTE, "Range: bytes=" + ",".join(["0-"] * 600)),
         200, 206, 416, why="RFC 9110 14.2: many ranges may be ignored or rejected"),
    ask("If-Range: the date", KILOBYTE, "Range: bytes=0-9", f"If-Range: {LAST_MODIFIED}"),
    ask("If-Range: an earlier date", KILOBYTE, "Range: bytes=0-9", f"If-Range: {BEFORE}"),
    rule(ask("If-Range: a later date", KILOBYTE, "Range: bytes=0-9", f"If-Range: {AFTER}"), 200,
         why="RFC 9110 13.1.5: an exact match is asked for"),
    ask("If-Range: another tag", KILOBYTE, "Range: bytes=0-9", 'If-Range: "another"'),
    ask("If-Range: nonsense", KILOBYTE, "Range: bytes=0-9", "If-Range: nonsense"),
    ask("If-Range without Range", KILOBYTE, f"If-Range: {LAST_MODIFIED}"),
    ask("If-Range and a range behind the end", KILOBYTE, "Range: bytes=5000-",
        'If-Range: "another"'),
    ask("304 goes before 206", KILOBYTE, "Range: bytes=0-9", f"If-Modified-Since: {LAST_MODIFIED}"),
    ask("a range of a missing file", "/missing", "Range: bytes=0-9"),
]  # fmt: skip

CLOSES_405 = "RFC 9110 15.5.6: a known method which this resource does not have"
METHODS = [
    *(
        rule(ask(name, "/hello.txt", method=name), 405, why=CLOSES_405)
        for name in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH")
    ),
    raw("CONNECT", 400, 405, 501, why=CLOSES_405,
        data=b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n"),
    rule(ask("an unknown method", "/hello.txt", method="FROBNICATE"), 501,
         why="RFC 9110 9.1: an unrecognised method SHOULD get 501"),
    rule(ask("methods are case-sensitive", "/hello.txt", method="get"), 400, 501,
         why="RFC 9110 9.1: so this is an unknown one"),
    rule(ask("a method that begins like GET", "/hello.txt", method="GETT"), 501, why="unknown"),
    rule(ask("a method that GET begins with", "/hello.txt", method="GE"), 501, why="unknown"),
    rule(ask("a method of 500 letters", "/hello.txt", method="A" * 500), 400, 414, 501,
         why="unknown, or too long for this server"),
    raw("OPTIONS *", 200, 405, 501, data=b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        why="RFC 9110 9.3.7; 405 where OPTIONS is not offered"),
    raw("GET *", 400, 404, data=b"GET * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        why="RFC 9112 3.2.4: the asterisk form is for OPTIONS"),
]  # fmt: skip

TARGETS = [
    raw("absolute form", 200, data=b"GET http://localhost/hello.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        why="RFC 9112 3.2.2: a server MUST accept the absolute form"),
    raw("absolute form, scheme in capitals", 200,
        data=b"GET HTTP://localhost/hello.txt HTTP/1.1\r\nHost: localhost\r\n\r\n",
        why="RFC 3986 3.1: schemes are case-insensitive"),
    raw("absolute form with a port", 200,
        data=b"GET http://localhost:80/hello.txt HTTP/1.1\r\nHost: localhost\r\n\r\n", why="same"),
    raw("absolute form without a path", 200,
        data=b"GET http://localhost HTTP/1.1\r\nHost: localhost\r\n\r\n",
        why="RFC 9110 4.2.3: an empty path is /"),
    raw("absolute form, query and no path", 200,
        data=b"GET http://localhost?a=b HTTP/1.1\r\nHost: localhost\r\n\r\n", why="same"),
    raw("absolute form, another scheme", 400, 404, 421,
        data=b"GET gopher://localhost/hello.txt HTTP/1.1\r\nHost: localhost\r\n\r\n",
        why="not a resource of this server"),
    raw("no slash", 400, 404, data=b"GET hello.txt HTTP/1.1\r\nHost: localhost\r\n\r\n",
        why="RFC 9112 3.2: neither of the four forms"),
    raw("no target", 400, data=b"GET HTTP/1.1\r\nHost: localhost\r\n\r\n", why="RFC 9112 3"),
    raw("a fragment", 200, 400, 404,
        data=b"GET /hello.txt#part HTTP/1.1\r\nHost: localhost\r\n\r\n",
        why="a fragment is never sent: invalid, cut off or taken as a name"),
    raw("a raw space", 400, data=b"GET /with space.txt HTTP/1.1\r\nHost: localhost\r\n\r\n",
        why="RFC 9112 3.2: an invalid request-line SHOULD get 400"),
    raw("a raw control character", 400, 404,
        data=b"GET /hel\x01lo.txt HTTP/1.1\r\nHost: localhost\r\n\r\n", why="same"),
    raw("a raw byte above 127", 200, 400, 404,
        data="GET /ünïcode.txt HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(),
        why="invalid, but harmless"),
    raw("a raw NUL", 400, data=b"GET /hello\0.txt HTTP/1.1\r\nHost: localhost\r\n\r\n", why="3.2"),
    raw("a raw tab", 400, 404, data=b"GET /hello.txt\tHTTP/1.1\r\nHost: localhost\r\n\r\n",
        why="only a space separates; lenient parsing of other white space is a risk"),
]  # fmt: skip

SYNTAX = [
    raw("HTTP/1.1 without Host", 400, data=b"GET /hello.txt HTTP/1.1\r\n\r\n",
        why="RFC 9112 3.2: MUST respond with 400"),
    raw("two Hosts", 400, data=field_line(b"Host: other"), why="as above"),
    raw("two equal Hosts", 400, data=field_line(b"host: localhost"), why="as above"),
    raw("a Host with a space", 400, data=b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", why="as above"),
    raw("a Host with a slash", 400, data=b"GET / HTTP/1.1\r\nHost: ../x\r\n\r\n", why="as above"),
    raw("an empty Host", 200, 400, data=b"GET /hello.txt HTTP/1.1\r\nHost:\r\n\r\n",
        why="RFC 9110 7.2: allowed where the target has no authority"),
    raw("HTTP/2.0", 505, data=b"GET /hello.txt HTTP/2.0\r\nHost: localhost\r\n\r\n",
        why="RFC 9110 15.6.6"),
    raw("HTTP/3.7", 505, data=b"GET /hello.txt HTTP/3.7\r\nHost: localhost\r\n\r\n", why="same"),
    raw("HTTP/0.9", 400, 505, data=b"GET /hello.txt HTTP/0.9\r\nHost: localhost\r\n\r\n",
        why="no such version of the message syntax"),
    raw("HTTP/1.2", 200, data=b"GET /hello.txt HTTP/1.2\r\nHost: localhost\r\n\r\n",
        why="RFC 9110 2.5: a higher minor version is read as the highest known"),
    raw("http/1.1 in lower case", 400, 505,
        data=b"GET /hello.txt http/1.1\r\nHost: localhost\r\n\r\n",
        why="RFC 9112 2.3: the name is case-sensitive"),
    raw("HTTP/1.10", 400, 505, data=b"GET /hello.txt HTTP/1.10\r\nHost: localhost\r\n\r\n",
        why="RFC 9112 2.3: one digit, a dot, one digit"),
    raw("HTTP/11", 400, 505, data=b"GET /hello.txt HTTP/11\r\nHost: localhost\r\n\r\n", why="same"),
    raw("HTTP/1.", 400, 505, data=b"GET /hello.txt HTTP/1.\r\nHost: localhost\r\n\r\n", why="same"),
    raw("HTTP/1.1 and more", 400, 505,
        data=b"GET /hello.txt HTTP/1.1x\r\nHost: localhost\r\n\r\n", why="same"),
    raw("no version", 400, data=b"GET /hello.txt\r\nHost: localhost\r\n\r\n",
        why="a request of HTTP/0.9 is none of HTTP/1.1; no field can follow it"),
    raw("rubbish", 400, 501, data=b"\x16\x03\x01\x02\x00\x01\r\n\r\n", why="a TLS client hello"),
    raw("a space before the colon", 400, data=field_line(b"X-A : b"),
        why="RFC 9112 5.1: MUST be rejected with 400"),
    raw("a folded line", 400, data=field_line(b"X-A: b\r\n c"),
        why="RFC 9112 5.2: 400, or replaced by spaces; refused here as nothing sends it"),
    raw("a folded first line", 400,
        data=b"GET /hello.txt HTTP/1.1\r\n Host: localhost\r\nHost: localhost\r\n\r\n",
        why="RFC 9112 2.2: white space between start-line and first field: rejected"),
    raw("a line without a colon", 400, data=field_line(b"nonsense"), why="RFC 9112 5"),
    raw("an empty field name", 400, data=field_line(b": value"), why="RFC 9112 5"),
    raw("a field name with a space", 400, data=field_line(b"X A: b"), why="RFC 9110 5.1"),
    raw("a field name with a control character", 400, data=field_line(b"X\x01A: b"), why="same"),
    raw("a NUL in a field name", 400, data=field_line(b"X\0A: b"), why="same"),
    raw("a NUL in a value", 400, data=field_line(b"X-A: b\0c"),
        why="RFC 9110 5.5: invalid and dangerous: rejected"),
    raw("a bare CR in a value", 400, data=field_line(b"X-A: b\rc"),
        why="RFC 9112 2.2: invalid, or replaced by a space; refused here"),
    raw("a bare CR as line end", 400,
        data=b"GET /hello.txt HTTP/1.1\rHost: localhost\r\r", why="as above"),
    raw("a value with bytes above 127", 200, data=field_line(b"X-A: \xfc\xff"),
        why="RFC 9110 5.5: obs-text is opaque data"),
    raw("a tab in a value", 200, data=field_line(b"X-A: b\tc"), why="RFC 9110 5.5"),
    raw("an empty value", 200, data=field_line(b"X-A:"), why="RFC 9110 5.5"),
    raw("a hundred fields", 200, data=field_line(b"\r\n".join(b"X-%d: a" % i for i in range(100))),
        why="within every server's limits"),
    raw("an empty line before", 200, data=b"\r\n" + request("/hello.txt"),
        why="RFC 9112 2.2: at least one empty line SHOULD be ignored"),
]  # fmt: skip

BAD_HOSTS = (
    *("[ab..cd::ef98:0:7654:321]", "[]", "[1.2.3.4]", "[%41]", "[::1%25lo]", "[12345::]", "[:]"),
    *("[1:2:3:4:5:6:7:8:9]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8::]", "[1::2::3]", "[:::]"),
    *("[1:2:3:4:5:6:7:1.2.3.4]", "[::1.2.3]", "[::1.2.3.256]", "[::01.2.3.4]", "[1.2.3.4::]"),
    *("[::g]", "[::1", "::1", "[::1]x", "[::1]:x", "[v.x]", "[v1.]", "[v1]", "[vg.x]", "[v1.@]"),
    *("[::1.2.3.4:5]", "[00000::]", "[1::2:3:4:5:6:7:8]", "[::1%lo]", "[ ::1]", "[::1 ]", "[v1:x]"),
    *("[", "]", "a]", "a[b]", "[::1][::2]", "[]:80", "[::1]80", "[[::1]]"),
    *("%", "a%", "a%4", "%4", "%g0.b", "a%zz", "a:b", "a:80:80", "user@a", "a/b", "a\\b", "a b"),
    *("a:+80", "a:-1", "a: 80", "a:8 0", "a:80x", "a#b", 'a"b', "a|b", "a^b", "a`b", "{a}", "<a>"),
)
GOOD_HOSTS = (
    *("[::]", "[::1]", "[1::]", "[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7::]", "[::2:3:4:5:6:7:8]"),
    *("[::1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]", "[ABCD:ef01::127.0.0.1]", "[1::8]:80", "[::1]:"),
    *("[::ffff:1.2.3.4]", "[0:0:0:0:0:0:0:0]", "[V1.x]", "[::1]:99999", "a.", "a,b", "a;b", "a%ff"),
    *("[v1.x]", "[vFF.a:b]", "%41", "a%2Fb", "a:", "a:80", "1.2.3.4", "256.1.1.1", "a_b", "~a"),
)
WHY_HOST = "RFC 9112 3.2: MUST 400 for an invalid Host; RFC 3986 3.2.2 says what is valid"
AUTHORITIES = [
    *(
        raw(f"Host: {host}", status, why=WHY_HOST,
            data=f"GET /hello.txt HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        for status, hosts in ((400, BAD_HOSTS), (200, GOOD_HOSTS)) for host in hosts
    ),
    *(
        raw(f"absolute form of {host}", status, why=WHY_HOST,
            data=f"GET http://{host}/hello.txt HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        for status, hosts in ((400, BAD_HOSTS), (200, GOOD_HOSTS)) for host in hosts
        if "/" not in host and host != "::1"
    ),
]  # fmt: skip

EXPECTATIONS = [
    *(
        rule(ask(f"Expect: {value or 'nothing'}", "/hello.txt", f"Expect: {value}"), 200,
             why="RFC 9110 10.1.1: 417 is for a member other than 100-continue")
        for value in ("", ",", " , ,", "100-continue", "100-CONTINUE", "100-continue,",
                      ", 100-continue", "100-continue, 100-continue", "100-continue\t,100-continue")
    ),
    *(
        rule(ask(f"Expect: {value}", "/hello.txt", f"Expect: {value}"), 417, why="another member")
        for value in ("x", "100-continue, x", "x, 100-continue", "100-continu", "100-continue x",
                      "100-continue; q=1", "100-continuee")
    ),
    rule(ask("Expect in HTTP/1.0", "/hello.txt", "Expect: x", version="1.0"), 200,
         why="RFC 9110 10.1.1: 100-continue MUST be ignored there; so TUX does with any other"),
    rule(ask("two lines of Expect", "/hello.txt", "Expect: 100-continue", "Expect: 100-continue"),
         200, why="RFC 9110 5.3: one list"),
    rule(ask("two lines of Expect, one other", "/hello.txt", "Expect: 100-continue", "Expect: x"),
         417, why="RFC 9110 5.3: one list"),
]  # fmt: skip

ANCIENT = "Mon, 01 Jan 1601 00:00:00 GMT"
WHY_VOID = "RFC 9110 13.1.3, 13.1.4: a value with more than one member MUST be ignored"
REPEATED = [
    *(
        rule(ask(f"{name} twice: {first}, {second}", "/hello.txt", f"{name}: {first}",
                 f"{name}: {second}"), 200, why=WHY_VOID)
        for name, first, second in (
            ("If-Modified-Since", LAST_MODIFIED, LAST_MODIFIED),
            ("If-Modified-Since", BEFORE, LAST_MODIFIED),
            ("If-Modified-Since", LAST_MODIFIED, "nonsense"),
            ("If-Unmodified-Since", BEFORE, BEFORE),
            ("If-Unmodified-Since", LAST_MODIFIED, BEFORE),
        )
    ),
    *(
        rule(ask(f"{name}: {form}", "/hello.txt", f"{name}: {form}"), status,
             why="RFC 9110 5.6.7: a valid date, long before")
        for name, status in (("If-Unmodified-Since", 412), ("If-Modified-Since", 200))
        for form in (ANCIENT, "Mon Jan  1 00:00:00 1601", "Sat, 31 Dec 1899 23:59:59 GMT",
                     "Mon, 01 Jan 0001 00:00:00 GMT")
    ),
    rule(ask("If-Unmodified-Since of the year 0", "/hello.txt",
             "If-Unmodified-Since: Mon, 01 Jan 0000 00:00:00 GMT"), 200, why="no such year"),
    rule(ask("three dates of If-Unmodified-Since", "/hello.txt",
             *[f"If-Unmodified-Since: {BEFORE}"] * 3), 200, why=WHY_VOID),
    *(
        rule(ask(f"{name}: a list of dates", "/hello.txt", f"{name}: {BEFORE}, {BEFORE}"), 200,
             why=WHY_VOID)
        for name in ("If-Modified-Since", "If-Unmodified-Since")
    ),
    rule(ask("If-Range: a list of dates", "/hello.txt", "Range: bytes=0-9",
             f"If-Range: {LAST_MODIFIED}, {LAST_MODIFIED}"), 200,
         why="RFC 9110 13.1.5: one tag or date (nginx and Apache take the first)"),
    *(
        rule(ask(f"If-Range on two lines: {value}", "/hello.txt", "Range: bytes=0-9",
                 *[f"If-Range: {value}"] * 2), 200, 400, why="RFC 9110 13.1.5: one only")
        for value in ('"x"', LAST_MODIFIED)
    ),
    rule(ask("If-Modified-Since twice, beside If-None-Match", "/hello.txt", 'If-None-Match: "x"',
             *[f"If-Modified-Since: {LAST_MODIFIED}"] * 2), 200, why="RFC 9110 13.1.3"),
    ask("If-Match of nothing", "/hello.txt", "If-Match:"),
    ask("If-None-Match of nothing", "/hello.txt", "If-None-Match:"),
    ask("If-Match fails before If-None-Match", "/hello.txt", 'If-Match: "x"', "If-None-Match: *"),
    rule(ask("If-Match goes before If-Unmodified-Since", "/hello.txt", "If-Match: *",
             f"If-Unmodified-Since: {BEFORE}"), 200,
         why="RFC 9110 13.1.4: MUST be ignored beside If-Match (nginx and Apache do not)"),
    rule(ask("If-Match on two lines, neither matches", "/hello.txt", 'If-Match: "x"',
             'If-Match: "y"'), 412, why="RFC 9110 5.3, 13.1.1: one combined list"),
    rule(ask("If-Match on two lines, one is any", "/hello.txt", 'If-Match: "x"', "If-Match: *"),
         200, 400, 412, why="no list has such a member: invalid"),
    rule(ask("If-None-Match on two lines, neither matches", "/hello.txt", 'If-None-Match: "x"',
             'If-None-Match: "y"'), 200, why="RFC 9110 5.3"),
]  # fmt: skip

WHY_NO_DATE = "RFC 9110 13.1.3: MUST be ignored if it is not a valid HTTP-date"
DATES = [
    *(
        rule(ask(f"If-Modified-Since: {date}", "/hello.txt", f"If-Modified-Since: {date}"), 200,
             why=WHY_NO_DATE)
        for date in (
            *("Sun, 31 Feb 2010 00:00:00 GMT", "Wed, 29 Feb 2023 00:00:00 GMT"),
            *("Mon, 29 Feb 2100 00:00:00 GMT", "Fri, 31 Apr 2010 00:00:00 GMT"),
            *("Fri, 32 Dec 2010 00:00:00 GMT", "Fri, 00 Jan 2010 00:00:00 GMT"),
            *("Tuesday, 30-Feb-10 00:00:00 GMT", "Tue Feb 30 00:00:00 2010"),
            *("Xyz, 01 Jan 2010 00:00:00 GMT", ", 01 Jan 2010 00:00:00 GMT", "01 Jan 2010"),
            *("Friday, 01 Jan 2010 00:00:00 GMT", "Fri, 01-Jan-10 00:00:00 GMT"),
            *("Frisday, 01-Jan-10 00:00:00 GMT", "Friday Jan  1 00:00:00 2010"),
            *("Fri, 01 Jan 2010 24:00:00 GMT", "Fri, 01 Jan 2010 00:00:00 UTC"),
            *("Fri, 01 Jan 2010 00:00:00", "Fri, 01 Jan 2010 00:00:00 GMT, x", "1262304000"),
        )
    ),
    *(
        rule(ask(f"If-Modified-Since: {date}", "/hello.txt", f"If-Modified-Since: {date}"), 304,
             why="RFC 9110 5.6.7: a valid date, later")
        for date in (
            *("Thu, 29 Feb 2024 00:00:00 GMT", "Sat, 31 Dec 2016 23:59:60 GMT"),
            *("Wednesday, 29-Feb-12 00:00:00 GMT", "Wed Feb 29 00:00:00 2012"),
            "Fri, 31 Dec 9999 23:59:59 GMT",
        )
    ),
]  # fmt: skip

ALL = [
    *PLAIN, *ENCODED, *CONDITIONAL, *RANGES, *METHODS, *TARGETS, *SYNTAX, *AUTHORITIES,
    *EXPECTATIONS, *REPEATED, *DATES,
]  # fmt: skip

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked"
LENGTH = b"Content-Length: %d" % len(SMUGGLED)


def carry(*fields: bytes, method: bytes = b"POST", body: bytes = SMUGGLED) -> bytes:
    """A request with ``fields`` and a body that is itself a request."""
    head = b"\r\n".join([method + b" /hello.txt HTTP/1.1", b"Host: localhost", *fields])
    return head + b"\r\n\r\n" + body


CHUNKED_BODY = b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n"
# Requests in which two readers may see different ends; /smuggled must never be answered.
SMUGGLING = {
    "a body of POST": carry(LENGTH),
    "a body of GET": carry(LENGTH, method=b"GET"),
    "a body of HEAD": carry(LENGTH, method=b"HEAD"),
    "a chunked body of POST": carry(CHUNKED, body=CHUNKED_BODY),
    "a chunked body of GET": carry(CHUNKED, method=b"GET", body=CHUNKED_BODY),
    "length and chunked": carry(LENGTH, CHUNKED, body=b"0\r\n\r\n" + SMUGGLED),
    "length 0 and chunked": carry(
        b"Content-Length: 0", CHUNKED, method=b"GET", body=CHUNKED_BODY
    ),
    "two lengths": carry(b"Content-Length: 0", LENGTH, method=b"GET"),
    "two lengths, long one first": carry(LENGTH, b"Content-Length: 0", method=b"GET"),
    "two equal lengths": carry(LENGTH, LENGTH, method=b"GET"),
    "a list of lengths": carry(b"Content-Length: 0, %d" % len(SMUGGLED), method=b"GET"),
    "a signed length": carry(b"Content-Length: +%d" % len(SMUGGLED), method=b"GET"),
    "a negative length": carry(b"Content-Length: -1", method=b"GET"),
    "a hexadecimal length": carry(b"Content-Length: 0x%x" % len(SMUGGLED), method=b"GET"),
    "a length with a letter": carry(LENGTH + b"a", method=b"GET"),
    "an empty length": carry(b"Content-Length:", method=b"GET"),
    "a length that wraps": carry(
        b"Content-Length: %d" % (2**64 + len(SMUGGLED)), method=b"GET"
    ),
    "a length of 2 to the 32": carry(b"Content-Length: 4294967296", method=b"GET"),
    "length, space before the colon": carry(LENGTH.replace(b":", b" :"), method=b"GET"),
    "length in capitals": carry(LENGTH.upper(), method=b"GET"),
    "length after a tab": carry(LENGTH.replace(b": ", b":\t"), method=b"GET"),
    "length in a folded line": carry(LENGTH.replace(b": ", b":\r\n "), method=b"GET"),
    "length behind a bare CR": carry(b"X: a\r" + LENGTH, method=b"GET"),
    "length behind a bare LF": carry(b"X: a\n" + LENGTH, method=b"GET"),
    "length behind a NUL": carry(b"X: a\0" + LENGTH, method=b"GET"),
    "chunked, space before the colon": carry(
        b"Transfer-Encoding : chunked", method=b"GET", body=CHUNKED_BODY
    ),
    "chunked, vertical tab": carry(
        b"Transfer-Encoding: \x0bchunked", method=b"GET", body=CHUNKED_BODY
    ),
    "chunked, misspelt": carry(b"Transfer-Encoding: xchunked", method=b"GET", body=CHUNKED_BODY),
    "chunked, then identity": carry(
        b"Transfer-Encoding: chunked, identity", method=b"GET", body=CHUNKED_BODY
    ),
    "chunked twice": carry(
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", method=b"GET",
        body=CHUNKED_BODY,
    ),
    "chunked in HTTP/1.0": carry(CHUNKED, method=b"GET", body=CHUNKED_BODY).replace(
        b"HTTP/1.1", b"HTTP/1.0", 1
    ),
    "an underscore in the name": carry(LENGTH.replace(b"-", b"_"), method=b"GET", body=b""),
    "Upgrade to h2c": carry(b"Upgrade: h2c", b"Connection: Upgrade", method=b"GET", body=b""),
    "a WebSocket handshake": carry(
        b"Upgrade: websocket", b"Connection: Upgrade", method=b"GET", body=b""
    ),
    "Expect: 100-continue": carry(LENGTH, b"Expect: 100-continue"),
    "PUT with a body": carry(LENGTH, method=b"PUT"),
    "an unknown method with a body": carry(LENGTH, method=b"FROB"),
}  # fmt: skip
# The end of the body is clear, so GET may be answered (RFC 9110 9.3.1), but nothing behind it.
WELL_FRAMED = {
    *("a body of GET", "a body of HEAD", "a chunked body of GET", "a length that wraps"),
    *("a length of 2 to the 32", "length in capitals", "length after a tab"),
}
# The sender means no harm, but a body was announced to a reader who knows no bodies.
HARMLESS = {"an underscore in the name", "Upgrade to h2c", "a WebSocket handshake"}
