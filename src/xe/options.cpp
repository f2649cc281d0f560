// SPDX-License-Identifier: GPL-2.0-or-later
// Options of the client and their precedence. Every source is first turned into a Layer; the layers
// are then laid over each other, weakest first.
#include "xe/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/cli_protocol.hpp"
#include "base/failure.hpp"

namespace xcp::xe {
namespace {

constexpr std::string_view local_host = "127.0.0.1";
constexpr int https_port = 443;
constexpr int http_port = 80;

[[noreturn]] void refuse(std::string message) {
  throw Failure("CLIENT_ERROR", {std::move(message)});
}

struct Layer {
  Action action = Action::Run;
  std::optional<std::string> server, username, password, password_file, traceparent;
  std::optional<int> port;
  std::optional<bool> nossl, debug, debug_on_fail;
  std::vector<std::string> words;
};

std::optional<int> parse_port(std::string_view text) {
  int port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc() || stop != end || port < 0 || port > 65535) return std::nullopt;
  return port;
}

bool is_true(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower == "true" || lower == "t" || lower == "yes" || lower == "y" || lower == "1";
}

// True when `key` is one of the client's own settings.
bool set_keyword(Layer& layer, std::string_view key, std::string_view value) {
  if (key == "server")
    layer.server = value;
  else if (key == "username")
    layer.username = value;
  else if (key == "password")
    layer.password = value;
  else if (key == "passwordfile")
    layer.password_file = value;
  else if (key == "traceparent")
    layer.traceparent = value;
  else if (key == "nossl")
    layer.nossl = is_true(value);
  else if (key == "debug")
    layer.debug = is_true(value);
  else if (key == "debugonfail")
    layer.debug_on_fail = is_true(value);
  else if (key == "port") {
    layer.port = parse_port(value);
    if (!layer.port) layer.action = Action::Usage;
  } else {
    return false;
  }
  return true;
}

// The keyword a two-word option stands for; empty when it is none of ours.
std::string_view keyword_of_switch(std::string_view word) {
  if (word == "-s" || word == "-h") return "server";
  if (word == "-p") return "port";
  if (word == "-u") return "username";
  if (word == "-pw") return "password";
  if (word == "-pwf") return "passwordfile";
  if (word == "--traceparent") return "traceparent";
  return {};
}

bool set_flag(Layer& layer, std::string_view word) {
  if (word == "--nossl")
    layer.nossl = true;
  else if (word == "--debug")
    layer.debug = true;
  else if (word == "--debug-on-fail")
    layer.debug_on_fail = true;
  else if (word == "-help" || word == "--help")
    layer.action = Action::Usage;
  else if (word == "-version")
    layer.action = Action::Version;
  else
    return false;
  return true;
}

Layer parse_layer(const std::vector<std::string>& words) {
  Layer layer;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    const std::string_view keyword = keyword_of_switch(word);
    if (!keyword.empty() && i + 1 < words.size()) {
      set_keyword(layer, keyword, words[++i]);
      continue;
    }
    if (set_flag(layer, word)) continue;
    const auto equals = word.find('=');
    if (equals != std::string_view::npos &&
        set_keyword(layer, word.substr(0, equals), word.substr(equals + 1))) {
      continue;
    }
    layer.words.emplace_back(word);
  }
  return layer;
}

template <class T>
void overlay(std::optional<T>& under, const std::optional<T>& over) {
  if (over) under = over;
}

// `over` is the stronger one; its words come first.
Layer overlay(Layer under, const Layer& over) {
  overlay(under.server, over.server);
  overlay(under.port, over.port);
  overlay(under.username, over.username);
  overlay(under.password, over.password);
  overlay(under.password_file, over.password_file);
  overlay(under.traceparent, over.traceparent);
  overlay(under.nossl, over.nossl);
  overlay(under.debug, over.debug);
  overlay(under.debug_on_fail, over.debug_on_fail);
  if (over.action != Action::Run) under.action = over.action;
  under.words.insert(under.words.begin(), over.words.begin(), over.words.end());
  return under;
}

// XAPI_URL, XAPI_USER and XAPI_PASSWORD describe one server: with another server named on the
// command line or in the files, none of the three counts, so that no password goes elsewhere.
void apply_xapi_variables(Settings& settings, const Layer& layer, const Sources& sources) {
  if (layer.server || !sources.xapi_url || sources.xapi_url->empty()) return;
  Target target = parse_xapi_url(*sources.xapi_url);
  if (target.kind != Target::Kind::Unix) {
    settings.server = target.host;
    if (settings.port) target.port = *settings.port;
    if (settings.nossl) target.kind = Target::Kind::Tcp;
  }
  settings.url_target = std::move(target);
  if (!layer.username && sources.xapi_user) settings.username = *sources.xapi_user;
  if (!layer.password && sources.xapi_password) settings.password = *sources.xapi_password;
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
  }
  return lines;
}

void check_words(const std::vector<std::string>& words) {
  for (const auto& word : words) {
    if (word.find('\n') != std::string::npos) {
      refuse("An argument contains a line break, which the server cannot be sent: " +
             word.substr(0, word.find('\n')) + "...");
    }
  }
}

struct Authority {
  std::string host;
  std::optional<int> port;
};

Authority parse_authority(std::string_view text) {
  Authority authority;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) refuse(fmt::format("Bad host name: {}", text));
    authority.host = text.substr(1, close - 1);
    text.remove_prefix(close + 1);
  } else {
    // More than one colon without brackets is an IPv6 literal, not a port.
    const auto colon = text.find(':');
    const bool has_port = colon != std::string_view::npos && colon == text.rfind(':');
    authority.host = text.substr(0, has_port ? colon : text.size());
    text.remove_prefix(authority.host.size());
  }
  if (text.empty()) return authority;
  if (text.front() == ':') authority.port = parse_port(text.substr(1));
  if (!authority.port) refuse(fmt::format("Bad port after host {}: {}", authority.host, text));
  return authority;
}

std::string without_brackets(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return std::string(host);
}

Target remote_target(const Settings& settings, std::string_view host) {
  const bool tls = !settings.nossl;
  return Target{tls ? Target::Kind::Tls : Target::Kind::Tcp, without_brackets(host),
                settings.port.value_or(tls ? https_port : http_port)};
}

// The socket, and plain TCP when nobody listens there; never TLS.
std::vector<Target> local_targets(const Settings& settings) {
  return {Target{Target::Kind::Unix, settings.socket_path, 0},
          Target{Target::Kind::Tcp, std::string(local_host), settings.port.value_or(http_port)}};
}

}  // namespace

std::string describe(const Target& target) {
  if (target.kind == Target::Kind::Unix) return "unix:" + target.host;
  const bool v6 = target.host.find(':') != std::string::npos;
  return fmt::format("{}:{}{}{}:{}", target.kind == Target::Kind::Tls ? "tls" : "tcp",
                     v6 ? "[" : "", target.host, v6 ? "]" : "", target.port);
}

std::vector<std::string> split_extra_args(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  const auto finish = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      if (i + 1 < text.size() && text[i + 1] == ',') word += text[++i];
    } else if (text[i] == ',') {
      finish();
    } else {
      word += text[i];
    }
  }
  finish();
  return words;
}

std::optional<std::vector<std::string>> split_defaults_file(std::string_view text) {
  std::vector<std::string> words;
  for (const std::string_view line : split_lines(text)) {
    if (line.empty()) continue;
    if (line.find('=') == std::string_view::npos) return std::nullopt;
    words.emplace_back(line);
  }
  return words;
}

Settings parse_options(const std::vector<std::string>& arguments, const Sources& sources) {
  Settings settings;
  Layer layer;
  if (sources.defaults_file) {
    if (const auto words = split_defaults_file(*sources.defaults_file)) {
      layer = parse_layer(*words);
    } else {
      settings.warnings.push_back(
          "~/.xe is ignored: each of its lines must be of the form key=value.");
    }
  }
  if (sources.extra_args) {
    layer = overlay(std::move(layer), parse_layer(split_extra_args(*sources.extra_args)));
  }
  overlay(layer.traceparent, sources.traceparent);
  layer = overlay(std::move(layer), parse_layer(arguments));

  settings.action = layer.action;
  if (layer.server) settings.server = *layer.server;
  if (layer.username) settings.username = *layer.username;
  if (layer.password) settings.password = *layer.password;
  settings.port = layer.port;
  settings.password_file = layer.password_file;
  settings.nossl = layer.nossl.value_or(false);
  settings.debug = layer.debug.value_or(false);
  settings.debug_on_fail = layer.debug_on_fail.value_or(false);
  settings.traceparent = layer.traceparent;
  settings.baggage = sources.baggage;
  settings.socket_path = sources.socket_path;
  settings.stderr_is_terminal = sources.stderr_is_terminal;
  settings.words = std::move(layer.words);
  apply_xapi_variables(settings, layer, sources);

  if (settings.action == Action::Run && settings.words.empty()) settings.action = Action::Usage;
  check_words(settings.words);
  return settings;
}

void apply_password_file(Settings& settings, std::string_view content) {
  const auto lines = split_lines(content);
  if (lines.size() < 2) {
    refuse("The password file needs two lines: the user name and the password.");
  }
  settings.username = lines[0];
  settings.password = lines[1];
}

Target parse_xapi_url(std::string_view url) {
  constexpr std::string_view unix_scheme = "unix://", https = "https://", http = "http://";
  if (url.starts_with(unix_scheme) && url.size() > unix_scheme.size()) {
    return Target{Target::Kind::Unix, std::string(url.substr(unix_scheme.size())), 0};
  }
  const bool tls = url.starts_with(https);
  if (tls || url.starts_with(http)) {
    std::string_view rest = url.substr(tls ? https.size() : http.size());
    rest = rest.substr(0, rest.find('/'));
    Authority authority = parse_authority(rest);
    if (!authority.host.empty()) {
      return Target{tls ? Target::Kind::Tls : Target::Kind::Tcp, std::move(authority.host),
                    authority.port.value_or(tls ? https_port : http_port)};
    }
  }
  refuse(fmt::format("XAPI_URL must be unix:///path or https://host:port, not: {}", url));
}

std::vector<Target> server_targets(const Settings& settings) {
  if (settings.url_target) return {*settings.url_target};
  if (settings.server == local_host) return local_targets(settings);
  return {remote_target(settings, settings.server)};
}

std::vector<Target> host_targets(const Settings& settings, std::string_view authority_text) {
  const Authority authority = parse_authority(authority_text);
  if (!authority.port) {
    if (authority.host == local_host) return local_targets(settings);
    return {remote_target(settings, authority.host)};
  }
  Target target = remote_target(settings, authority.host);
  target.port = *authority.port;
  return {target};
}

std::string opening_request(const Settings& settings) {
  std::string body;
  for (const auto& word : settings.words) body += word + '\n';
  body += fmt::format("username={}\npassword={}", settings.username, settings.password);
  if (body.size() > cli::max_arguments_bytes) {
    refuse(fmt::format("The command line is too long: {} bytes, at most {} are accepted.",
                       body.size(), cli::max_arguments_bytes));
  }
  std::string head = "POST /cli HTTP/1.0\r\nUser-agent: xe-cli/Unix/0.2\r\noriginator: cli\r\n";
  if (settings.traceparent) head += fmt::format("traceparent: {}\r\n", *settings.traceparent);
  if (settings.baggage) head += fmt::format("baggage: {}\r\n", *settings.baggage);
  // An addition to the protocol; servers that do not know it ignore it.
  if (settings.stderr_is_terminal) head += "x-xe-terminal: stderr\r\n";
  head += fmt::format("content-length: {}\r\n\r\n", body.size());
  return head + body;
}

}  // namespace xcp::xe
