// SPDX-License-Identifier: GPL-2.0-or-later
// A whole connection as the server runs it, over a socket pair. The first byte of an input says in
// pieces of which size the rest arrives (0: at once). Checked besides not crashing: the same bytes
// make the same requests however they are cut, the connection always ends once the client has
// ended, and nothing stays counted.
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "xapi/http/connection.hpp"
#include "xapi/http/core.hpp"
#include "xapi/http/loop.hpp"

using namespace xcp;
using namespace xcp::http;

namespace {

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

// The requests a client's bytes were taken for, as the handler saw them.
class Handling {
 public:
  BodyDecision policy(const Request& head) {
    if (head.path.starts_with("/leave")) return {BodyMode::Leave, 0, 500};
    return {BodyMode::Buffer, head.path == "/small" ? 8u : 4096u, 413};
  }

  void handle(const std::shared_ptr<Exchange>& exchange) {
    const Request& request = exchange->request();
    trace_ += request.method + ' ' + request.path + ' ' + std::to_string(request.headers.size()) +
              ' ' + std::to_string(request.query.size()) + ' ' +
              std::to_string(request.cookies.size()) + ' ' + request.body + '\n';
    if (request.path.ends_with("/hijack")) {
      taken_ = exchange->hijack("HTTP/1.1 200 OK\r\n\r\n");
    } else if (request.path.ends_with("/later")) {
      later_.push_back(exchange);
    } else if (request.path.ends_with("/close")) {
      Response response;
      response.close = true;
      exchange->reply(std::move(response));
    } else if (!request.path.ends_with("/drop")) {
      Response response;
      for (int i = 0; i < 3; ++i) response.append(request.path);
      exchange->reply(std::move(response));
    }
  }

  // What a handler's own threads would do; true when there was anything.
  bool work() {
    bool did = false;
    for (const auto& exchange : later_) {
      exchange->reply(Response{});
      did = true;
    }
    later_.clear();
    if (!taken_) return did;
    char buffer[4096];
    const ssize_t n = recv(taken_.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
    if (n > 0) {
      trace_.append(buffer, static_cast<std::size_t>(n));
      (void)!send(taken_.get(), buffer, static_cast<std::size_t>(n), MSG_DONTWAIT | MSG_NOSIGNAL);
    } else if (n == 0) {
      taken_.reset();
    }
    return did || n >= 0;
  }

  const std::string& trace() const { return trace_; }

 private:
  std::string trace_;
  std::vector<std::shared_ptr<Exchange>> later_;
  UniqueFd taken_;
};

// One server for all inputs; only the handling changes.
struct World {
  std::shared_ptr<Core> core = std::make_shared<Core>();
  std::shared_ptr<Loop> loop = std::make_shared<Loop>();
  Handling* handling = nullptr;

  World() {
    core->settings.header_bytes = 2048;
    core->settings.header_fields = 16;
    core->loops = {loop};
    core->relay_loops = {loop};
    core->policy = [this](const Request& head) { return handling->policy(head); };
    core->handler = [this](const std::shared_ptr<Exchange>& exchange) {
      handling->handle(exchange);
    };
  }
};

World& world() {
  static World one;
  return one;
}

// Reads what there is; false at the end.
bool drain(int fd) {
  char buffer[65536];
  for (;;) {
    const ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (n == 0) return false;
    if (n < 0) return errno == EAGAIN;
  }
}

std::string serve(std::string_view input, std::size_t piece_size) {
  World& w = world();
  Handling handling;
  w.handling = &handling;
  int pair[2];
  require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
  const UniqueFd client(pair[0]);
  {
    Share share(w.core->connections);
    require(share.raise(1, 1), "an earlier connection is still counted");
    std::make_shared<Connection>(w.core, w.loop, make_plain_stream(UniqueFd(pair[1])), Origin{},
                                 std::move(share))
        ->start();
  }
  const auto turn = [&] {
    w.loop->io().restart();
    w.loop->io().poll();
    handling.work();
    return drain(client.get());
  };

  while (!input.empty()) {
    const std::string_view piece = input.substr(0, piece_size);
    const ssize_t n = send(client.get(), piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) break;  // the server ended the connection
    if (n > 0) input.remove_prefix(static_cast<std::size_t>(n));
    turn();
  }
  shutdown(client.get(), SHUT_WR);
  int turns = 0;
  while (*w.core->connections != 0) {
    turn();
    require(++turns < 100'000, "the connection does not end");
  }
  turn();
  require(*w.core->body_bytes == 0, "body memory is still counted");
  w.handling = nullptr;
  return handling.trace();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 8 * 1024) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = serve(input, input.size());
  if (data[0] != 0) require(serve(input, data[0]) == whole, "the pieces make other requests");
  return 0;
}
