// SPDX-License-Identifier: GPL-2.0-or-later
// xl migrate and migrate-receive. The program that leads to the other host (ssh) has one end of a
// connection as its standard input and output, the hypervisor daemon has the other; there it is the
// same with xl migrate-receive. What xl knows of the domain goes ahead:
//   a header "XCPXLMV1" (stream_header.hpp) with the configuration, as JSON
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

#include "base/describe.hpp"
#include "base/fd.hpp"
#include "hypervisor/stream_header.hpp"
#include "xl/refusal.hpp"
#include "xl/verbs.hpp"

namespace xcp::xl {

namespace {

constexpr std::string_view format = "XCPXLMV1";
constexpr const char* receiver = "xcp-xl migrate-receive";

struct Announcement {
  std::string uuid;
  std::string configuration;
};
BOOST_DESCRIBE_STRUCT(Announcement, (), (uuid, configuration))

struct Connection {
  UniqueFd here, there;
};

Connection connection() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw system_failure("socketpair", errno);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// What sh is to run. As the distribution's xl has it: -s names another program than ssh, and with
// an empty one the host itself is the command.
std::string way_to(const std::string& host, const Call& call) {
  if (call.has("s") && call.value("s").empty()) return "exec " + host;
  return fmt::format("exec {} {} {}{}{}", call.has("s") ? call.value("s") : "ssh", host, receiver,
                     call.has("p") ? " -p" : "", call.has("e") ? " -e" : "");
}

pid_t run_with(const UniqueFd& connection, const std::string& command) {
  const pid_t pid = fork();
  if (pid < 0) throw system_failure("fork", errno);
  if (pid > 0) return pid;
  signal(SIGPIPE, SIG_DFL);
  if (dup2(connection.get(), STDIN_FILENO) >= 0 && dup2(connection.get(), STDOUT_FILENO) >= 0)
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
  _exit(127);
}

// Until the reader is gone or there is no more to read.
void relay(int from, int to) {
  std::array<char, 65536> buffer;
  try {
    for (;;) {
      const std::size_t n = read_some(from, buffer.data(), buffer.size());
      if (n == 0) return;
      write_all(to, {buffer.data(), n});
    }
  } catch (const Failure&) {
    // The other side finds the end as well.
  }
}

// Standard input and output as one end of a connection, as long as this lives: they are pipes as
// often as not. What the daemon says last is passed on before the end.
class Relay {
 public:
  explicit Relay(UniqueFd end) : end_(std::move(end)) {
    inwards_ = std::thread([this] {
      relay(STDIN_FILENO, end_.get());
      ::shutdown(end_.get(), SHUT_WR);
    });
    outwards_ = std::thread([this] { relay(end_.get(), STDOUT_FILENO); });
  }
  // The daemon's end is closed by now.
  ~Relay() {
    outwards_.join();
    // The sender sees the end, and so does who reads from it.
    close(STDOUT_FILENO);
    inwards_.detach();
    end_.release();
  }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

 private:
  UniqueFd end_;
  std::thread inwards_, outwards_;
};

}  // namespace

int migrate(Xl& xl, const Call& call) {
  const hypervisor::DomainState state = xl.find(call.args[0]);
  if (call.has("D"))
    throw refusal("xl migrate: -D is not available: the number is the other host's to give.");
  if (call.has("C"))
    throw refusal("xl migrate: -C is not available: a domain arrives with what it has here.");
  xl.need_own(state, "Not migrating");
  Connection link = connection();
  const pid_t child = run_with(link.there, way_to(call.args[1], call));
  link.there.reset();
  const Announcement announcement{state.uuid, xl.remembered(state.uuid).value_or("")};
  std::optional<Failure> failure;
  try {
    write_all(link.here.get(), hypervisor::stream_header(format, json_text(to_json(announcement))));
    xl.hypervisor().migrate_send(state.uuid, std::move(link.here), {});
  } catch (const Failure& failed) {
    failure = failed;
  }
  link.here.reset();
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!xl.hypervisor().domain(state.uuid)) xl.forget(state.uuid);
  if (failure) {
    fmt::print(stderr, "Migration failed.\n");
    throw *failure;
  }
  fmt::print(stderr, "Migration successful.\n");
  return 0;
}

int migrate_receive(Xl& xl, const Call& call) {
  if (call.has("colo") || call.has("coloft-script") || call.has("userspace-colo-proxy") ||
      call.has("r"))
    throw refusal("xl migrate-receive: not available: a domain is moved, not replicated.");
  const auto header = hypervisor::read_stream_header(STDIN_FILENO, format);
  if (!header) throw refusal("what comes in is not what xcp-xl migrate sends");
  const auto announcement = from_json<Announcement>(parse_json(*header));
  const bool xen = xl.on_xen();
  const bool known = xl.remembered(announcement.uuid).has_value();
  if (!announcement.configuration.empty() && !known)
    xl.remember(announcement.uuid, announcement.configuration);
  hypervisor::ReceiveOptions options;
  options.paused = call.has("p");
  Connection link = connection();
  try {
    const Relay relayed(std::move(link.there));
    if (xen)
      xl.xen().receive(std::move(link.here), options);
    else
      xl.hypervisor().migrate_receive(std::move(link.here), options);
  } catch (...) {
    if (!known && !xl.hypervisor().domain(announcement.uuid)) xl.forget(announcement.uuid);
    throw;
  }
  if (call.has("F")) {
    wait_for_end(xl, announcement.uuid, false);
    xl.forget(announcement.uuid);
  }
  return 0;
}

}  // namespace xcp::xl
