// SPDX-License-Identifier: GPL-2.0-or-later
// What the user asked for: the settings of the client itself, taken out of the command line, the
// variable XE_EXTRA_ARGS, the file ~/.xe and the XAPI_* variables, and the words left over for the
// server. Pure: everything comes in as text. Mistakes throw Failure (CLIENT_ERROR [sentence]).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xcp::xe {

// One way to reach a server.
struct Target {
  enum class Kind { Unix, Tcp, Tls };
  Kind kind = Kind::Unix;
  std::string host;  // Unix: the path of the socket
  int port = 0;      // Unix: unused
  bool operator==(const Target&) const = default;
};

// "unix:/run/x", "tcp:host:80", "tls:[::1]:443": for messages to people.
std::string describe(const Target& target);

enum class Action { Run, Usage, Version };

struct Settings {
  Action action = Action::Run;
  std::string server = "127.0.0.1";
  std::optional<int> port;
  std::string username = "root";
  std::string password = "null";
  std::optional<std::string> password_file;  // still to be read; see apply_password_file
  bool nossl = false;
  bool debug = false;
  bool debug_on_fail = false;
  std::optional<std::string> traceparent;
  std::optional<std::string> baggage;
  bool stderr_is_terminal = false;  // told the server, which may then draw progress there
  std::string socket_path;
  std::optional<Target> url_target;   // from XAPI_URL, when no server was named otherwise
  std::vector<std::string> words;     // what the server gets, in its order
  std::vector<std::string> warnings;  // to be shown on standard error
};

// Where settings come from besides the command line. nullopt: not set, no such file.
struct Sources {
  std::optional<std::string> extra_args;     // XE_EXTRA_ARGS
  std::optional<std::string> defaults_file;  // content of ~/.xe
  std::optional<std::string> traceparent;    // TRACEPARENT
  std::optional<std::string> baggage;        // BAGGAGE
  std::optional<std::string> xapi_url;       // XAPI_URL, XAPI_USER, XAPI_PASSWORD: the weakest
  std::optional<std::string> xapi_user;
  std::optional<std::string> xapi_password;
  std::string socket_path;
  bool stderr_is_terminal = false;
};

Settings parse_options(const std::vector<std::string>& arguments, const Sources& sources);

// First line user, second line password; both replace what was set otherwise.
void apply_password_file(Settings& settings, std::string_view content);

// Words separated by commas; a backslash makes the next comma literal; backslashes and empty words
// vanish.
std::vector<std::string> split_extra_args(std::string_view text);

// One key=value a line. nullopt when a line is not of this form: the whole file is ignored then.
std::optional<std::vector<std::string>> split_defaults_file(std::string_view text);

// "unix:///path", "https://host[:port]" or "http://host[:port]"; Failure otherwise.
Target parse_xapi_url(std::string_view url);

// How to reach the server, in the order to try.
std::vector<Target> server_targets(const Settings& settings);

// The same for a host the server named (a redirect, a member of the pool); `authority` may carry a
// port of its own.
std::vector<Target> host_targets(const Settings& settings, std::string_view authority);

// The request that opens a conversation: HTTP head and the words as body.
std::string opening_request(const Settings& settings);

}  // namespace xcp::xe
