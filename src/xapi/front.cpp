// SPDX-License-Identifier: GPL-2.0-or-later
// See front.hpp.
#include "xapi/front.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "xapi/rpc/wire.hpp"

namespace xcp::xapi {

namespace {

constexpr std::uint64_t rpc_limit = 307200;
constexpr std::uint64_t cli_limit = 204800;
constexpr std::size_t session_limit = 256;

const http::Fields cors_headers = {{"Access-Control-Allow-Origin", "*"},
                                   {"Access-Control-Allow-Headers", "X-Requested-With"}};

http::Response response_of(Answer::Parts body, const char* content_type) {
  http::Response response;
  response.headers = cors_headers;
  response.headers.emplace_back("Content-Type", content_type);
  response.headers.emplace_back("Cache-Control", "no-cache, no-store");
  response.body = std::move(body);
  return response;
}

std::string client_key(const http::Request& request) {
  if (request.unix_socket) return "uid:" + std::to_string(request.peer.uid);
  return request.remote_address;
}

// Copies bytes both ways until one side has ended and the other has got all of it.
void relay(int a, int b) {
  struct Side {
    int from;
    int to;
    bool open;
  };
  std::array<Side, 2> sides{{{a, b, true}, {b, a, true}}};
  std::array<char, 65536> buffer;
  while (sides[0].open || sides[1].open) {
    std::array<pollfd, 2> items{
        {{sides[0].open ? a : -1, POLLIN, 0}, {sides[1].open ? b : -1, POLLIN, 0}}};
    if (poll(items.data(), items.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    for (std::size_t i = 0; i < sides.size(); ++i) {
      if (items[i].revents == 0) continue;
      const ssize_t n = read(sides[i].from, buffer.data(), buffer.size());
      if (n > 0) {
        write_all(sides[i].to, {buffer.data(), static_cast<std::size_t>(n)});
        continue;
      }
      sides[i].open = false;
      shutdown(sides[i].to, SHUT_WR);
      // A console has no more to say once either side is gone.
      return;
    }
  }
}

}  // namespace

Front::Front(Services& services, Dispatcher& dispatcher, Workers& queries, Workers& operations)
    : services_(services),
      dispatcher_(dispatcher),
      queries_(queries),
      operations_(operations),
      sessions_(std::make_shared<std::atomic<std::size_t>>(0)) {}

http::BodyDecision Front::body_policy(const http::Request& head) {
  http::BodyDecision decision;
  decision.max_body_bytes = head.path == "/cli" ? cli_limit : rpc_limit;
  return decision;
}

Caller Front::caller_of(const ExchangePtr& exchange) const {
  const http::Request& request = exchange->request();
  Caller caller;
  caller.local_root = request.unix_socket &&
                      (request.peer.uid == geteuid() ||
                       user_in_group(request.peer.uid, request.peer.gid, services_.settings.group));
  caller.address = request.remote_address;
  if (const std::string* originator = request.header("originator")) caller.originator = *originator;
  if (const std::string* agent = request.header("user-agent")) caller.user_agent = *agent;
  caller.gone = [weak = std::weak_ptr(exchange)] {
    const auto alive = weak.lock();
    return !alive || alive->client_gone();
  };
  return caller;
}

void Front::handle(ExchangePtr exchange) {
  const http::Request& request = exchange->request();
  const std::string& path = request.path;
  if (request.unix_socket && !caller_of(exchange).local_root) {
    exchange->reply(http::error_page(403, "This socket is for root and the toolstack's group."));
    return;
  }
  if (request.method == "OPTIONS") {
    http::Response response;
    response.headers = cors_headers;
    response.headers.emplace_back("Access-Control-Allow-Methods", "PUT, POST");
    exchange->reply(std::move(response));
    return;
  }
  using Serve = void (Front::*)(const ExchangePtr&);
  Serve serve = nullptr;
  // "/xmlrpc" is where npm's xen-api sends its calls.
  if (request.method == "POST" &&
      (path == "/" || path == "/RPC2" || path == "/json" || path == "/xmlrpc"))
    serve = &Front::serve_xmlrpc;
  else if (request.method == "POST" && path == "/jsonrpc")
    serve = &Front::serve_jsonrpc;
  else if (request.method == "POST" && path == "/cli")
    return serve_cli(exchange);
  else if (request.method == "CONNECT" && path == "/console")
    return serve_console(exchange);
  if (serve != nullptr) {
    if (!queries_.submit(client_key(request), Priority::Query,
                         [this, exchange, serve] { (this->*serve)(exchange); }))
      exchange->reply(http::error_page(503, "Too many requests of this client are waiting."));
    return;
  }
  if (request.method == "GET" && path == "/") {
    exchange->reply(
        response_of({std::make_shared<const std::string>(
                        "<!DOCTYPE html><title>Kronos</title><h1>Kronos</h1><p>This host "
                        "speaks XenAPI: XML-RPC at /, JSON-RPC at /jsonrpc.</p>\n")},
                    "text/html; charset=utf-8"));
    return;
  }
  const bool known_method = request.method == "GET" || request.method == "PUT" ||
                            request.method == "POST" || request.method == "CONNECT";
  exchange->reply(known_method ? http::error_page(403, "There is no such path here.")
                               : http::error_page(501, "There is no such method here."));
}

void Front::serve_xmlrpc(const ExchangePtr& exchange) {
  Call call;
  try {
    rpc::ParsedCall parsed = rpc::parse_xmlrpc(exchange->request().body);
    call.method = std::move(parsed.method);
    call.arguments = std::move(parsed.arguments);
  } catch (const rpc::MalformedRequest& error) {
    exchange->reply(http::error_page(500, error.what()));
    return;
  }
  const bool bare = call.method == "system.listMethods";
  run_call(exchange, std::move(call), bare ? rpc::xmlrpc_bare_reply : rpc::xmlrpc_reply,
           "text/xml");
}

void Front::serve_jsonrpc(const ExchangePtr& exchange) {
  auto parsed = std::make_shared<rpc::JsonCall>();
  try {
    *parsed = rpc::parse_jsonrpc(exchange->request().body);
  } catch (const rpc::MalformedRequest& error) {
    exchange->reply(http::error_page(500, error.what()));
    return;
  }
  Call call;
  call.method = parsed->call.method;
  call.arguments = parsed->call.arguments;
  run_call(
      exchange, std::move(call),
      [parsed](const Outcome& outcome) { return rpc::jsonrpc_reply(*parsed, outcome); },
      "application/json");
}

void Front::run_call(const ExchangePtr& exchange, Call call,
                     std::function<Answer::Parts(const Outcome&)> format,
                     const char* content_type) {
  call.caller = caller_of(exchange);
  const bool is_long = Dispatcher::is_long(call.method);
  auto run = [this, exchange, call = std::move(call), format = std::move(format), content_type] {
    dispatcher_.dispatch(call, [exchange, format, content_type](Outcome outcome) {
      exchange->reply(response_of(format(outcome), content_type));
    });
  };
  if (!is_long) return run();
  if (!operations_.submit(client_key(exchange->request()), Priority::Lifecycle, std::move(run)))
    exchange->reply(http::error_page(503, "Too many operations of this client are waiting."));
}

void Front::on_thread(const ExchangePtr& exchange, std::function<void()> work) {
  if (++*sessions_ > session_limit) {
    --*sessions_;
    exchange->reply(http::error_page(503, "Too many consoles and command lines are open."));
    return;
  }
  std::thread([work = std::move(work), count = sessions_] {
    try {
      work();
    } catch (const std::exception& error) {
      spdlog::debug("a connection ended: {}", error.what());
    }
    --*count;
  }).detach();
}

void Front::serve_cli(const ExchangePtr& exchange) {
  on_thread(exchange, [this, exchange] {
    const Caller caller = caller_of(exchange);
    const std::string arguments = exchange->take_body();
    const std::string* terminal = exchange->request().header("x-xe-terminal");
    const bool draws = terminal != nullptr && terminal->find("stderr") != std::string::npos;
    serve_cli_connection(services_, dispatcher_, caller, exchange->hijack(""), arguments, draws);
  });
}

void Front::serve_console(const ExchangePtr& exchange) {
  on_thread(exchange, [this, exchange] {
    const http::Request& request = exchange->request();
    const db::Snapshot view = services_.store.snapshot();
    const bool root = caller_of(exchange).local_root;
    try {
      const std::string* session = request.parameter("session_id");
      model::RoleMask roles = root ? model::role_mask_all() : model::RoleMask{0};
      if (session != nullptr) {
        const Session found = services_.sessions.find(*session);
        roles = found.local_superuser ? model::role_mask_all() : found.roles;
      }
      // Everybody from VM operator upwards may use a guest's console.
      if ((roles & 0b11111) == 0) throw Failure("RBAC_PERMISSION_DENIED", {"http/connect_console"});
    } catch (const Failure&) {
      http::Response denied =
          http::error_page(401, "Log in first: session_id is missing or invalid.");
      denied.headers.emplace_back("WWW-Authenticate", "Basic realm=\"XenAPI\"");
      exchange->reply(std::move(denied));
      return;
    }
    using model::console;
    std::optional<db::Object<console>> object;
    if (const std::string* ref = request.parameter("ref")) object = view.find(Ref<console>(*ref));
    if (const std::string* uuid = request.parameter("uuid"))
      object = view.find_uuid<console>(*uuid);
    if (!object) {
      exchange->reply(http::error_page(404, "There is no such console."));
      return;
    }
    const auto vm = view.get((*object)[console::VM]);
    const auto kind = (*object)[console::protocol] == model::ConsoleProtocol::Vt100
                          ? hypervisor::ConsoleKind::serial
                          : hypervisor::ConsoleKind::vnc;
    UniqueFd guest;
    try {
      guest = services_.hypervisor.console(vm[model::VM::uuid], kind);
    } catch (const Failure& failure) {
      exchange->reply(http::error_page(404, failure.what()));
      return;
    }
    const UniqueFd client = exchange->hijack("HTTP/1.1 200 OK\r\n\r\n");
    relay(client.get(), guest.get());
  });
}

}  // namespace xcp::xapi
