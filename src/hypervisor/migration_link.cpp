// SPDX-License-Identifier: GPL-2.0-or-later
// See migration_link.hpp. Lines are read byte by byte: what follows one may be for somebody else.
#include "hypervisor/migration_link.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "base/describe.hpp"

namespace xcp::hypervisor {

namespace {

constexpr std::size_t longest_line = 64 * 1024;
constexpr std::string_view failed = "failed ";

PeerLost lost(const std::string& why) {
  return PeerLost("INTERNAL_ERROR", {"the other end of the migration " + why});
}

// What the other end gave up with.
Failure failure_of(const std::string& text) {
  const json::value told = parse_json(text);
  const json::object& members = told.as_object();
  std::vector<std::string> params;
  for (const json::value& param : members.at("params").as_array())
    params.emplace_back(param.as_string());
  return Failure(std::string(members.at("code").as_string()), std::move(params));
}

}  // namespace

MigrationLink::MigrationLink(UniqueFd socket, std::chrono::milliseconds patience)
    : socket_(std::move(socket)), patience_(patience) {}

void MigrationLink::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw lost("went away");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void MigrationLink::say(std::string_view word) {
  send(std::string(word) + "\n");
}

std::string MigrationLink::read_line() {
  const auto deadline = std::chrono::steady_clock::now() + patience_;
  std::string line;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !wait_readable(socket_.get(), left)) throw lost("does not answer");
    char c = 0;
    const ssize_t n = recv(socket_.get(), &c, 1, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw lost("went away");
    if (c == '\n') return line;
    line += c;
    if (line.size() > longest_line) throw lost("speaks of something else");
  }
}

void MigrationLink::expect(std::string_view word) {
  const std::string line = read_line();
  if (line == word) return;
  if (line.starts_with(failed)) throw failure_of(line.substr(failed.size()));
  throw lost("said \"" + line.substr(0, 100) + "\" in place of \"" + std::string(word) + "\"");
}

void MigrationLink::say_failed(const Failure& failure) noexcept {
  try {
    json::array params;
    for (const std::string& param : failure.params()) params.emplace_back(param);
    const json::object told{{"code", failure.code()}, {"params", std::move(params)}};
    say(std::string(failed) + json_text(told));
  } catch (const std::exception&) {
    // It is gone, and needs to be told nothing.
  }
}

void MigrationLink::hang_up() {
  shutdown(socket_.get(), SHUT_RDWR);
}

}  // namespace xcp::hypervisor
