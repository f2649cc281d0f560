// SPDX-License-Identifier: GPL-2.0-or-later
// The client of the API benchmarks. Prints one JSON object a line on standard output.
//   xcp_bench_load fetch ADDRESS PATH BODY_FILE COUNT
//       the same request COUNT times over one connection, reading every reply to its end:
//       {"bytes":n, "seconds":[...]}
//   xcp_bench_load calls ADDRESS PATH BODY_FILE CONNECTIONS SECONDS
//       as many calls as CONNECTIONS with one call each under way can make: {"calls_per_second":x}
//   xcp_bench_load wait ADDRESS SESSIONS LOGIN_FILE...
//       SESSIONS connections, each logged in (with the files in turn, since a user may not have
//       any number of sessions) and waiting in event.from for every class. Prints
//       {"waiting":n} once all wait, asks again whenever one is answered, and prints
//       {"batches":n} (answers since then) when standard input ends.
// ADDRESS: see link.hpp.
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "link.hpp"

namespace xcp::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

std::string content(const std::string& path) {
  auto bytes = read_file(path);
  if (!bytes) throw std::runtime_error("no file " + path);
  return std::move(*bytes);
}

void fetch(const std::string& address, const std::string& path, const std::string& body,
           int count) {
  Link link(address);
  const std::string request = post(path, body);
  std::string times;
  std::size_t bytes = 0;
  for (int i = 0; i < count; ++i) {
    const auto start = Clock::now();
    link.send(request);
    bytes = link.receive().size();
    times += fmt::format("{}{:.6f}", i == 0 ? "" : ",", seconds_since(start));
  }
  say(fmt::format("{{\"bytes\":{},\"seconds\":[{}]}}", bytes, times));
}

bool refused(std::string_view body) {
  return body.find("\"error\":{") != std::string_view::npos;
}

void calls(const std::string& address, const std::string& path, const std::string& body,
           std::size_t connections, double seconds) {
  const std::string request = post(path, body);
  std::deque<Link> links;
  std::vector<pollfd> items;
  for (std::size_t i = 0; i < connections; ++i) {
    links.emplace_back(address);
    items.push_back({links.back().fd(), POLLIN, 0});
  }
  const auto start = Clock::now();
  for (Link& link : links) link.send(request);
  std::size_t count = 0;
  while (seconds_since(start) < seconds) {
    if (connections > 1 && poll(items.data(), items.size(), -1) < 0) continue;
    for (std::size_t i = 0; i < connections; ++i) {
      if (connections > 1 && items[i].revents == 0) continue;
      if (refused(links[i].receive())) throw std::runtime_error("the server refuses the call");
      links[i].send(request);
      ++count;
    }
  }
  say(fmt::format("{{\"calls_per_second\":{:.1f}}}",
                  static_cast<double>(count) / seconds_since(start)));
}

// The text of the last member `name` of a JSON text, whose value holds no escapes.
std::string member(std::string_view json, std::string_view name) {
  const std::string key = fmt::format("\"{}\":\"", name);
  const auto at = json.rfind(key);
  if (at == std::string_view::npos)
    throw std::runtime_error(fmt::format("no {} in {}", name, json.substr(0, 300)));
  const auto begin = at + key.size();
  return std::string(json.substr(begin, json.find('"', begin) - begin));
}

class Listener {
 public:
  Listener(const std::string& address, const std::string& login) : link_(address) {
    link_.send(post("/jsonrpc", login));
    session_ = member(link_.receive(), "result");
    ask("", 0);
    token_ = member(link_.receive(), "token");
    ask(token_, 3600);
  }

  int fd() const { return link_.fd(); }

  void next() {
    token_ = member(link_.receive(), "token");
    ask(token_, 3600);
  }

 private:
  void ask(const std::string& token, int seconds) {
    link_.send(
        post("/jsonrpc", fmt::format("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"event."
                                     "from\",\"params\":[\"{}\",{},\"{}\",{}.0]}}",
                                     session_, token.empty() ? "[]" : "[\"*\"]", token, seconds)));
  }

  Link link_;
  std::string session_;
  std::string token_;
};

void wait(const std::string& address, std::size_t sessions,
          const std::vector<std::string>& logins) {
  std::deque<Listener> listeners;
  std::vector<pollfd> items{{0, POLLIN, 0}};
  for (std::size_t i = 0; i < sessions; ++i) {
    listeners.emplace_back(address, logins[i % logins.size()]);
    items.push_back({listeners.back().fd(), POLLIN, 0});
  }
  // What the logins changed was news for those who waited already: they are told before it counts.
  std::size_t batches = 0;
  bool told = false;
  for (;;) {
    const int ready = poll(items.data(), items.size(), told ? -1 : 2000);
    if (ready == 0) {
      say(fmt::format("{{\"waiting\":{}}}", sessions));
      told = true;
      batches = 0;
    }
    for (std::size_t i = 0; i < sessions; ++i) {
      if (items[i + 1].revents == 0) continue;
      listeners[i].next();
      ++batches;
    }
    if (ready > 0 && items[0].revents != 0) break;
  }
  say(fmt::format("{{\"batches\":{}}}", batches));
}

void allow_many_descriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int run(const std::vector<std::string>& words) {
  allow_many_descriptors();
  const std::string command = words.empty() ? "" : words[0];
  if (command == "fetch" && words.size() == 5)
    fetch(words[1], words[2], content(words[3]), std::atoi(words[4].c_str()));
  else if (command == "calls" && words.size() == 6)
    calls(words[1], words[2], content(words[3]), std::strtoul(words[4].c_str(), nullptr, 10),
          std::atof(words[5].c_str()));
  else if (command == "wait" && words.size() >= 4) {
    std::vector<std::string> logins;
    for (std::size_t i = 3; i < words.size(); ++i) logins.push_back(content(words[i]));
    wait(words[1], std::strtoul(words[2].c_str(), nullptr, 10), logins);
  } else
    throw std::runtime_error("fetch, calls or wait, and their arguments (see load.cpp)");
  return 0;
}

}  // namespace
}  // namespace xcp::bench

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  try {
    return xcp::bench::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
