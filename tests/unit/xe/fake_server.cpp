// SPDX-License-Identifier: GPL-2.0-or-later
// See fake_server.hpp.
#include "fake_server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/process.hpp"

namespace xcp::xe {
namespace {

// A client that hangs up early must not end the test program.
const auto ignore_sigpipe = signal(SIGPIPE, SIG_IGN);

std::string make_directory() {
  std::string name = "/tmp/xe-test-XXXXXX";
  if (!mkdtemp(name.data())) std::abort();
  return name;
}

}  // namespace

std::string Peer::read_exactly(std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const std::size_t count = read_some(fd_.get(), bytes.data() + have, size - have);
    if (count == 0) break;
    have += count;
  }
  bytes.resize(have);
  return bytes;
}

std::string Peer::read_head() {
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    const std::string next = read_exactly(1);
    if (next.empty()) break;
    head += next;
  }
  return head;
}

std::string Peer::read_rest() {
  std::string bytes;
  char buffer[4096];
  while (const std::size_t count = read_some(fd_.get(), buffer, sizeof buffer)) {
    bytes.append(buffer, count);
  }
  return bytes;
}

void Peer::write(std::string_view bytes) {
  write_all(fd_.get(), bytes);
}

cli::Message Peer::receive() {
  const std::string head = read_exactly(4);
  if (head.size() < 4) throw std::runtime_error("the client hung up");
  const auto message =
      cli::decode(read_exactly(static_cast<std::size_t>(cli::decode_length(head))));
  if (!message) throw std::runtime_error("the client sent garbage");
  return *message;
}

std::string Peer::read_request() {
  const std::string head = read_head();
  const auto at = head.find("content-length: ");
  if (!head.starts_with("POST /cli HTTP/1.0\r\n") || at == std::string::npos) {
    throw std::runtime_error("bad request: " + head);
  }
  return read_exactly(std::stoul(head.substr(at + 16)));
}

std::string Peer::accept_command() {
  const std::string body = read_request();
  write(cli::encode_handshake());
  if (read_exactly(cli::handshake_bytes) != cli::encode_handshake()) {
    throw std::runtime_error("bad handshake");
  }
  return body;
}

FakeServer::FakeServer(Script script)
    : directory_(make_directory()), path_(directory_ + "/sock"), script_(std::move(script)) {
  listener_ = listen_unix(path_, 0600);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
  stop_read_.reset(ends[0]);
  stop_write_.reset(ends[1]);
  acceptor_ = std::thread([this] { serve(); });
}

void FakeServer::serve() {
  for (int number = 0;; ++number) {
    pollfd entries[2] = {{listener_.get(), POLLIN, 0}, {stop_read_.get(), POLLIN, 0}};
    if (poll(entries, 2, -1) < 0) continue;
    if (entries[1].revents && !entries[0].revents) return;
    UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    connections_.emplace_back([this, number, peer = Peer(std::move(fd))]() mutable {
      try {
        script_(number, peer);
      } catch (const std::exception& error) {
        fprintf(stderr, "connection %d: %s\n", number, error.what());
      }
    });
  }
}

void FakeServer::wait() {
  stop_write_.reset();
  if (acceptor_.joinable()) acceptor_.join();
  for (auto& connection : connections_) {
    if (connection.joinable()) connection.join();
  }
}

FakeServer::~FakeServer() {
  wait();
  std::filesystem::remove_all(directory_);
}

Ended run_xe(const std::string& directory, const std::vector<std::string>& words,
             const std::vector<std::string>& environment, const std::string& input) {
  Command command;
  command.argv = {"/usr/bin/env", "-i", "-C", directory};
  command.argv.insert(command.argv.end(), environment.begin(), environment.end());
  command.argv.push_back(XE_PROGRAM);
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  command.input = input;
  command.timeout = std::chrono::seconds(60);
  const Outcome outcome = run(command);
  return {outcome.exit_status, outcome.output, outcome.errors};
}

Ended run_xe(const FakeServer& server, const std::vector<std::string>& words,
             const std::string& input) {
  return run_xe(server.directory(), words, {"XE_SOCKET=" + server.socket_path()}, input);
}

void write_text(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace xcp::xe
