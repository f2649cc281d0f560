// SPDX-License-Identifier: GPL-2.0-or-later
// xl console and vncviewer. The daemon gives a connected socket; here it is relayed to the
// terminal, or to a viewer through a port of 127.0.0.1 that takes this one connection.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "xl/refusal.hpp"
#include "xl/verbs.hpp"

namespace xcp::xl {

namespace {

constexpr char usual_escape = 0x1d;  // Ctrl-]

class RawTerminal {
 public:
  explicit RawTerminal(int fd) : fd_(fd), active_(tcgetattr(fd, &before_) == 0) {
    if (!active_) return;
    termios raw = before_;
    cfmakeraw(&raw);
    tcsetattr(fd, TCSAFLUSH, &raw);
  }
  ~RawTerminal() {
    if (active_) tcsetattr(fd_, TCSAFLUSH, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  int fd_;
  termios before_{};
  bool active_;
};

// A letter after ^ is that control character; one character is itself.
char escape_of(const std::string& text) {
  if (text.empty()) return usual_escape;
  if (text.size() == 2 && text[0] == '^') return static_cast<char>(text[1] & 0x1f);
  if (text.size() == 1) return text[0];
  throw refusal(
      fmt::format("the escape character is one character, or ^ and a letter, not `{}'", text));
}

// Until the guest's side ends or the escape character is typed. The end of our input does not end
// the relay, so that a pipe may wait for output. `escape` is 0 for a relay of bytes.
void relay(int here_in, int here_out, int there, char escape) {
  pollfd entries[2] = {{here_in, POLLIN, 0}, {there, POLLIN, 0}};
  char buffer[16384];
  for (;;) {
    if (poll(entries, 2, -1) < 0) {
      if (errno == EINTR) continue;
      throw system_failure("poll", errno);
    }
    if (entries[1].revents) {
      const std::size_t count = read_some(there, buffer, sizeof buffer);
      if (count == 0) return;
      write_all(here_out, {buffer, count});
    }
    if (entries[0].revents) {
      const std::size_t count = read_some(here_in, buffer, sizeof buffer);
      std::string_view typed(buffer, count);
      const auto at = escape != 0 ? typed.find(escape) : typed.npos;
      write_all(there, typed.substr(0, at));
      if (at != typed.npos) return;
      if (count == 0) {
        if (escape == 0) return;
        entries[0].fd = -1;
      }
    }
  }
}

UniqueFd listen_on_loopback(int& port) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (!fd || bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(fd.get(), 1) != 0 ||
      getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw system_failure("no free port on 127.0.0.1", errno);
  port = ntohs(address.sin_port);
  return fd;
}

pid_t start_viewer(int port) {
  const std::string where = fmt::format("127.0.0.1::{}", port);
  const pid_t pid = fork();
  if (pid < 0) throw system_failure("fork", errno);
  if (pid == 0) {
    execlp("vncviewer", "vncviewer", where.c_str(), nullptr);
    const std::string text = "cannot start vncviewer; is it installed?\n";
    (void)!write(STDERR_FILENO, text.data(), text.size());
    _exit(127);
  }
  return pid;
}

// Serves the viewer's one connection; gives up when the viewer ends without connecting.
void serve_viewer(Xl& xl, const std::string& uuid, const UniqueFd& listener, pid_t viewer) {
  for (;;) {
    if (wait_readable(listener.get(), std::chrono::milliseconds(200))) break;
    if (waitpid(viewer, nullptr, WNOHANG) != 0) return;
  }
  const UniqueFd here(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!here) throw system_failure("accept", errno);
  const UniqueFd there = xl.hypervisor().console(uuid, hypervisor::ConsoleKind::vnc);
  relay(here.get(), here.get(), there.get(), 0);
  waitpid(viewer, nullptr, 0);
}

}  // namespace

int console(Xl& xl, const Call& call) {
  const std::string kind = call.value("t");
  if (!kind.empty() && kind != "pv" && kind != "serial" && kind != "vuart")
    throw refusal("console type supported are: pv, serial, vuart");
  if (!call.value("n").empty() && call.value("n") != "0")
    throw refusal("xl console: not available: the hypervisor daemon has one console a domain.");
  const char escape = escape_of(call.value("e"));
  const hypervisor::DomainState state = xl.find(call.args.at(0));
  const UniqueFd fd = xl.hypervisor().console(state.uuid, hypervisor::ConsoleKind::serial);
  std::fflush(stdout);
  const RawTerminal raw(STDIN_FILENO);
  relay(STDIN_FILENO, STDOUT_FILENO, fd.get(), escape);
  return 0;
}

int vncviewer(Xl& xl, const Call& call) {
  const hypervisor::DomainState state = xl.find(call.args.at(0));
  if (state.vnc_port != 0) {
    int status = 0;
    waitpid(start_viewer(state.vnc_port), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  }
  int port = 0;
  const UniqueFd listener = listen_on_loopback(port);
  fmt::print("127.0.0.1::{}\n", port);
  std::fflush(stdout);
  serve_viewer(xl, state.uuid, listener, start_viewer(port));
  return 0;
}

}  // namespace xcp::xl
