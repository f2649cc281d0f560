// SPDX-License-Identifier: GPL-2.0-or-later
// Lines with descriptors over a stream socket. A descriptor sent with sendmsg arrives with the
// first byte of its line, so everything received before the line's end belongs to that line:
// each side sends the next line only after the other answered the last.
#include "base/rpc.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

namespace xcp::rpc {

namespace {

constexpr std::size_t line_limit = 64u << 20;
constexpr std::size_t fds_per_message = 16;

// Receives one line; nullopt at end of file (or when `stop` becomes readable while idle).
std::optional<std::string> receive_line(int socket, FdTable& fds, int stop = -1) {
  std::string line;
  std::array<char, 65536> buffer;
  for (;;) {
    if (stop >= 0) {
      pollfd items[2] = {{socket, POLLIN, 0}, {stop, POLLIN, 0}};
      if (poll(items, 2, -1) < 0) {
        if (errno == EINTR) continue;
        throw system_failure("poll", errno);
      }
      if (items[1].revents != 0) return std::nullopt;
    }
    iovec part{buffer.data(), buffer.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * fds_per_message)> control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == ECONNRESET) return std::nullopt;
      throw system_failure("recvmsg", errno);
    }
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
      const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int fd;
        std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
        fds.fds.emplace_back(fd);
      }
    }
    if (n == 0) return std::nullopt;
    line.append(buffer.data(), static_cast<std::size_t>(n));
    if (line.back() == '\n') {
      line.pop_back();
      return line;
    }
    if (line.size() > line_limit) throw internal_error("a message is longer than 64 MiB");
  }
}

void send_line(int socket, std::string line, const FdTable& fds) {
  line += '\n';
  std::vector<int> numbers;
  for (const UniqueFd& fd : fds.fds) numbers.push_back(fd.get());
  send_with_fds(socket, line, numbers.data(), numbers.size());
}

json::value failure_json(const Failure& failure) {
  json::array data;
  for (const std::string& param : failure.params()) data.emplace_back(param);
  return {{"code", 1}, {"message", failure.code()}, {"data", std::move(data)}};
}

[[noreturn]] void throw_failure(const json::value& error) {
  std::vector<std::string> params;
  for (const json::value& param : error.at("data").as_array())
    params.emplace_back(param.as_string());
  throw Failure(std::string(error.at("message").as_string()), std::move(params));
}

// The method of that name, in one of two lists; of `own` only where it may be called.
const Method& method_named(const std::string& name, const Methods& methods, const Methods& own,
                           bool may_own) {
  if (const auto found = methods.find(name); found != methods.end()) return found->second;
  const auto found = own.find(name);
  if (found == own.end()) throw internal_error("no method " + name);
  if (!may_own) throw Failure("OPERATION_NOT_ALLOWED", {"only root may call " + name});
  return found->second;
}

json::value answer(const Methods& methods, const std::string& line, FdTable& fds,
                   const Methods& own = {}, bool may_own = false) {
  json::object reply{{"jsonrpc", "2.0"}, {"id", nullptr}};
  try {
    const json::value request = parse_json(line);
    const json::object& members = request.as_object();
    reply["id"] = members.at("id");
    const std::string name(members.at("method").as_string());
    const Method& method = method_named(name, methods, own, may_own);
    reply["result"] = method(members.at("params").as_array(), fds);
  } catch (const Failure& failure) {
    fds.fds.clear();
    reply["error"] = failure_json(failure);
  } catch (const std::exception& error) {
    fds.fds.clear();
    reply["error"] = failure_json(internal_error(error.what()));
  }
  return reply;
}

bool is_own_user(int socket) {
  return peer_credentials(socket).uid == geteuid();
}

bool may_call(int socket, const std::string& group) {
  const PeerCredentials peer = peer_credentials(socket);
  return is_own_user(socket) || user_in_group(peer.uid, peer.gid, group);
}

}  // namespace

namespace detail {

void wrong_parameter_count(const std::string& method, std::size_t expected, std::size_t got) {
  throw internal_error(method + " takes " + std::to_string(expected) + " parameters, got " +
                       std::to_string(got));
}

}  // namespace detail

struct Server::Connection {
  UniqueFd fd;
  std::thread thread;
  std::atomic<bool> ended{false};
};

Server::Server(UniqueFd listener, Methods methods, std::string group, Methods own_methods,
               std::size_t max_connections)
    : listener_(std::move(listener)),
      methods_(std::move(methods)),
      own_methods_(std::move(own_methods)),
      group_(std::move(group)),
      max_connections_(max_connections),
      stop_(eventfd(0, EFD_CLOEXEC)),
      acceptor_([this] { accept_loop(); }) {}

Server::~Server() {
  const std::uint64_t one = 1;
  write_all(stop_.get(), {reinterpret_cast<const char*>(&one), sizeof(one)});
  acceptor_.join();
  for (const auto& connection : connections_) connection->thread.join();
}

void Server::accept_loop() {
  for (;;) {
    pollfd items[2] = {{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    if (poll(items, 2, -1) < 0) continue;
    if (items[1].revents != 0) return;
    std::erase_if(connections_, [](const auto& connection) {
      if (!connection->ended) return false;
      connection->thread.join();
      return true;
    });
    if (connections_.size() >= max_connections_) {
      // Everything in use: the caller waits in the listen queue until one ends.
      poll(&items[1], 1, 20);
      continue;
    }
    UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) continue;
    auto connection = std::make_unique<Connection>();
    connection->fd = std::move(fd);
    Connection& reference = *connection;
    connections_.push_back(std::move(connection));
    reference.thread = std::thread([this, &reference] {
      try {
        serve(reference);
      } catch (const std::exception&) {
        // The peer broke the framing or went away in mid-message: only its connection ends.
      }
      reference.fd.reset();
      reference.ended = true;
    });
  }
}

void Server::serve(Connection& connection) {
  if (!may_call(connection.fd.get(), group_)) return;
  const bool may_own = is_own_user(connection.fd.get());
  for (;;) {
    FdTable fds;
    const auto line = receive_line(connection.fd.get(), fds, stop_.get());
    if (!line) return;
    const json::value reply = answer(methods_, *line, fds, own_methods_, may_own);
    send_line(connection.fd.get(), json_text(reply), fds);
  }
}

bool serve_one(int connection, const Methods& methods, const std::string& group) {
  if (!may_call(connection, group)) return false;
  FdTable fds;
  const auto line = receive_line(connection, fds);
  if (!line) return false;
  const json::value reply = answer(methods, *line, fds);
  send_line(connection, json_text(reply), fds);
  return true;
}

Link::Link(std::string path, std::chrono::milliseconds patience)
    : path_(std::move(path)), patience_(patience) {}

void Link::break_off() {
  std::lock_guard lock(mutex_);
  broken_off_ = true;
  for (const int fd : under_way_) ::shutdown(fd, SHUT_RDWR);
}

// The connection of one call, for break_off to find.
struct Link::UnderWay {
  UnderWay(Link& in, UniqueFd taken) : link(in), fd(std::move(taken)) {
    std::lock_guard lock(link.mutex_);
    if (link.broken_off_) throw internal_error("calls on " + link.path_ + " were broken off");
    link.under_way_.insert(fd.get());
  }
  ~UnderWay() {
    if (fd) end();
  }
  UniqueFd end() {
    std::lock_guard lock(link.mutex_);
    link.under_way_.erase(fd.get());
    return std::move(fd);
  }
  Link& link;
  UniqueFd fd;
};

UniqueFd Link::take_connection() {
  {
    std::lock_guard lock(mutex_);
    while (!idle_.empty()) {
      UniqueFd fd = std::move(idle_.back());
      idle_.pop_back();
      // Readable while idle means the daemon closed it (it was restarted).
      if (!wait_readable(fd.get(), std::chrono::milliseconds(0))) return fd;
    }
  }
  const auto deadline = std::chrono::steady_clock::now() + patience_;
  for (;;) {
    if (auto fd = connect_unix(path_)) return std::move(*fd);
    if (std::chrono::steady_clock::now() >= deadline)
      throw internal_error("nobody answers on " + path_ + "; is its daemon running?");
    poll(nullptr, 0, 20);
  }
}

// A process that dies closes its connections one after the other; those that look open still are as
// dead as the one that broke. The next call has to find the daemon's successor.
void Link::forget_idle() {
  std::lock_guard lock(mutex_);
  idle_.clear();
}

json::value Link::exchange(const char* method, json::array params, FdTable& fds) {
  UnderWay connection(*this, take_connection());
  const json::object request{
      {"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", std::move(params)}};
  std::optional<std::string> line;
  try {
    send_line(connection.fd.get(), json_text(request), fds);
    fds.fds.clear();
    line = receive_line(connection.fd.get(), fds);
  } catch (...) {
    forget_idle();
    throw;
  }
  if (!line) {
    forget_idle();
    throw internal_error(std::string(method) + ": the daemon behind " + path_ + " went away");
  }
  json::value reply = parse_json(*line);
  {
    UniqueFd idle = connection.end();
    std::lock_guard lock(mutex_);
    idle_.push_back(std::move(idle));
  }
  json::object& members = reply.as_object();
  if (const json::value* error = members.if_contains("error")) throw_failure(*error);
  return std::move(members.at("result"));
}

}  // namespace xcp::rpc
