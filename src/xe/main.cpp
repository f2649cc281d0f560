// SPDX-License-Identifier: GPL-2.0-or-later
// xe, the thin command line client: gathers the settings, opens the conversation and ends with the
// status the server asked for. Every failure of the client itself ends with status 1.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/failure.hpp"
#include "base/fd.hpp"
#include "xe/interrupt.hpp"
#include "xe/protocol.hpp"

namespace xcp::xe {
namespace {

constexpr const char* usage =
    R"(Usage: xe <command> [<option>...] [<parameter>=<value>...]

  -s, -h <server>       the host to talk to (127.0.0.1: this host's own socket)
  -p <port>             its port (443; 80 with --nossl)
  -u <user>             user name (root)
  -pw <password>        password
  -pwf <file>           file with the user name and the password, one a line
  --nossl               plain TCP instead of TLS
  --debug               write a trace to standard error
  --debug-on-fail       the same, only when the command fails
  --traceparent <value> W3C trace context passed to the server
  -help, --help         this text
  -version              the version of the protocol

Settings also come from XE_EXTRA_ARGS and ~/.xe. "xe help" lists the commands.
)";

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? std::optional<std::string>(value) : std::nullopt;
}

std::optional<std::string> defaults_file() {
  const auto home = variable("HOME");
  if (!home) return std::nullopt;
  try {
    return read_file(*home + "/.xe");
  } catch (const Failure&) {
    return std::nullopt;  // unreadable counts as missing
  }
}

Settings gather_settings(int argc, char** argv) {
  Sources sources;
  sources.extra_args = variable("XE_EXTRA_ARGS");
  sources.defaults_file = defaults_file();
  sources.traceparent = variable("TRACEPARENT");
  sources.baggage = variable("BAGGAGE");
  sources.xapi_url = variable("XAPI_URL");
  sources.xapi_user = variable("XAPI_USER");
  sources.xapi_password = variable("XAPI_PASSWORD");
  sources.socket_path = variable("XE_SOCKET").value_or(XE_DEFAULT_SOCKET);
  sources.stderr_is_terminal = isatty(STDERR_FILENO);
  Settings settings = parse_options(std::vector<std::string>(argv + 1, argv + argc), sources);
  if (settings.password_file && settings.action == Action::Run) {
    const auto content = read_file(*settings.password_file);
    if (!content)
      throw Failure("CLIENT_ERROR", {"No such password file: " + *settings.password_file});
    apply_password_file(settings, *content);
  }
  return settings;
}

std::string working_directory() {
  char* name = getcwd(nullptr, 0);
  const std::string directory = name ? name : "/";
  std::free(name);
  return directory;
}

void complain(const Failure& failure) {
  const std::string text = (failure.params().empty() ? failure.code() : failure.params().front());
  (void)!write(STDERR_FILENO, (text + '\n').data(), text.size() + 1);
}

int talk(const Settings& settings, Trace& trace) {
  try {
    const Connector connector(variable("XE_CA_FILE").value_or(""),
                              [&](const std::string& text) { trace.line(text); });
    Channel channel(connector.open(server_targets(settings)), trace);
    channel.open(settings);
    Session session{settings, connector, channel, trace, Terminal{}, working_directory()};
    return converse(session);
  } catch (const Failure& failure) {
    trace.line(failure.what());
    complain(failure);
    return 1;
  }
}

int run(int argc, char** argv) {
  const Settings settings = gather_settings(argc, argv);
  for (const auto& warning : settings.warnings) write_all(STDERR_FILENO, warning + '\n');
  switch (settings.action) {
    case Action::Usage:
      write_all(STDOUT_FILENO, usage);
      return 0;
    case Action::Version:
      write_all(STDOUT_FILENO,
                fmt::format("thin CLI protocol {}.{}\n", cli::protocol_major, cli::protocol_minor));
      return 0;
    case Action::Run:
      break;
  }
  Trace trace(STDERR_FILENO, settings.debug, settings.debug_on_fail);
  const int status = talk(settings, trace);
  if (status != 0) trace.show_kept();
  return status;
}

}  // namespace
}  // namespace xcp::xe

int main(int argc, char** argv) {
  xcp::xe::install_signal_handlers();
  try {
    return xcp::xe::run(argc, argv);
  } catch (const xcp::Failure& failure) {
    xcp::xe::complain(failure);
    return 1;
  }
}
