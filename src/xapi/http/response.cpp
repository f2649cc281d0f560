// SPDX-License-Identifier: GPL-2.0-or-later
// Responses as text: status phrases, heads and the small error pages. What a handler puts into a
// header can not break out of it: line breaks never reach the wire.
#include <fmt/format.h>

#include "xapi/http/response.hpp"
#include "xapi/http/server.hpp"

namespace xcp::http {

namespace {

void append_text(std::string& out, std::string_view text) {
  for (const char c : text) out += (c == '\r' || c == '\n' || c == '\0') ? ' ' : c;
}

void append_status_line(std::string& out, unsigned status) {
  out += fmt::format("HTTP/1.1 {} {}\r\n", status, reason_phrase(status));
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  append_text(out, name);
  out += ": ";
  append_text(out, value);
  out += "\r\n";
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace

std::string_view reason_phrase(unsigned status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Status";
  }
}

Response error_page(unsigned status, std::string_view sentence) {
  Response page;
  page.status = status;
  page.headers = {{"Content-Type", "text/html; charset=utf-8"},
                  {"Cache-Control", "no-cache, no-store"}};
  page.append(
      fmt::format("<html><head><title>{0} {1}</title></head><body><h1>{0} {1}</h1>"
                  "<p>{2}</p></body></html>\n",
                  status, reason_phrase(status), escaped(sentence)));
  return page;
}

std::string response_head(unsigned status, const Fields& headers) {
  std::string head;
  append_status_line(head, status);
  for (const auto& [name, value] : headers) append_field(head, name, value);
  head += "\r\n";
  return head;
}

bool may_have_body(unsigned status) {
  return status >= 200 && status != 204 && status != 304;
}

std::uint64_t body_bytes(const Response& response) {
  std::uint64_t bytes = 0;
  for (const auto& fragment : response.body) bytes += fragment->size();
  return bytes;
}

std::string framed_head(const Response& response, bool keep_alive) {
  std::string head;
  head.reserve(256);
  append_status_line(head, response.status);
  for (const auto& [name, value] : response.headers) {
    if (equal_ignoring_case(name, "content-length") || equal_ignoring_case(name, "connection"))
      continue;
    append_field(head, name, value);
  }
  if (may_have_body(response.status))
    head += fmt::format("Content-Length: {}\r\n", body_bytes(response));
  head += keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  return head;
}

const std::string* Request::parameter(std::string_view name) const {
  if (const std::string* value = find_field(query, name)) return value;
  return find_field(cookies, name);
}

}  // namespace xcp::http
