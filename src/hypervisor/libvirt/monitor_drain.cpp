// SPDX-License-Identifier: GPL-2.0-or-later
// See monitor_drain.hpp.
#include "hypervisor/libvirt/monitor_drain.hpp"

#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <filesystem>
#include <pugixml.hpp>
#include <thread>

#include "base/failure.hpp"
#include "base/fd.hpp"
#include "base/ref.hpp"

namespace xcp::hypervisor::libvirt {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

bool is_answer(const std::string& line, const std::string& id) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(line, error);
  if (error || !value.is_object()) return false;
  const boost::json::value* answered = value.get_object().if_contains("id");
  return answered != nullptr && answered->is_string() && answered->get_string() == id;
}

// Reads lines until the answer with this id; false when the time is up or QEMU ended.
bool await_answer(int socket, const std::string& id, Clock::time_point deadline) {
  std::string text;
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    if (left.count() <= 0 || !wait_readable(socket, left)) return false;
    std::array<char, 4096> buffer;
    const std::size_t n = read_some(socket, buffer.data(), buffer.size());
    if (n == 0) return false;
    text.append(buffer.data(), n);
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      if (is_answer(text.substr(0, end), id)) return true;
      text.erase(0, end + 1);
    }
  }
}

}  // namespace

bool drain_monitor(const std::string& socket_path, milliseconds patience) {
  try {
    const auto socket = connect_unix(socket_path);
    if (!socket) return true;
    const std::string id = make_uuid();
    write_all(socket->get(), R"({"execute":"qmp_capabilities","id":")" + id + "\"}\r\n");
    return await_answer(socket->get(), id, Clock::now() + patience);
  } catch (const Failure&) {
    return false;  // QEMU is about to end
  }
}

std::vector<std::string> monitor_sockets(const std::string& run_directory) {
  std::vector<std::string> sockets;
  std::error_code absent;
  for (const auto& entry : std::filesystem::directory_iterator(run_directory, absent)) {
    if (entry.path().extension() != ".xml") continue;
    pugi::xml_document document;
    if (!document.load_file(entry.path().c_str())) continue;
    const std::string path = document.child("domstatus").child("monitor").attribute("path").value();
    if (!path.empty()) sockets.push_back(path);
  }
  return sockets;
}

void forget_dead_domains(const std::string& run_directory) {
  std::error_code absent;
  for (const auto& entry : std::filesystem::directory_iterator(run_directory, absent)) {
    if (entry.path().extension() != ".xml") continue;
    pugi::xml_document document;
    if (!document.load_file(entry.path().c_str())) continue;
    const int pid = document.child("domstatus").attribute("pid").as_int();
    if (pid <= 0 || kill(pid, 0) == 0 || errno != ESRCH) continue;
    std::filesystem::remove(entry.path());
    std::filesystem::remove(std::filesystem::path(entry.path()).replace_extension(".pid"));
  }
}

void drain_monitors(const std::vector<std::string>& socket_paths, milliseconds patience) {
  constexpr std::size_t at_a_time = 8;
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < std::min(at_a_time, socket_paths.size()); ++i)
    threads.emplace_back([&] {
      for (std::size_t at = next++; at < socket_paths.size(); at = next++)
        drain_monitor(socket_paths[at], patience);
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace xcp::hypervisor::libvirt
