// SPDX-License-Identifier: GPL-2.0-or-later
// A contract over a unix socket: JSON-RPC 2.0, one JSON text a line, file descriptors attached to
// the line that names them. The contract is an abstract class whose methods are listed once with
// BOOST_DESCRIBE_STRUCT; parameters and results are described types (base/describe.hpp). A client
// and a server made from it cannot be told apart from the object itself: a Failure thrown by the
// implementation is thrown by the caller, unchanged.
//
//   class Clock { public: virtual std::int64_t now(std::string zone) = 0; };
//   BOOST_DESCRIBE_STRUCT(Clock, (), (now))
//
//   rpc::Server server(listen_unix(path, 0660, "xapi"), rpc::methods_of<Clock>(clock));
//
//   class ClockClient : public Clock {
//     std::int64_t now(std::string zone) override { return link_.call<&Clock::now>("now", zone); }
//     rpc::Link link_;
//   };
#pragma once

#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "base/describe.hpp"

namespace xcp::rpc {

using Method = std::function<json::value(const json::array& params, FdTable& fds)>;
using Methods = std::map<std::string, Method, std::less<>>;

namespace detail {

template <class T>
struct signature;
template <class C, class R, class... A>
struct signature<R (C::*)(A...)> {
  using result = R;
  using arguments = std::tuple<std::decay_t<A>...>;
};
template <class C, class R, class... A>
struct signature<R (C::*)(A...) const> : signature<R (C::*)(A...)> {};

[[noreturn]] void wrong_parameter_count(const std::string& method, std::size_t expected,
                                        std::size_t got);

template <class C, class M>
Method bind_method(C& object, M member, const char* name) {
  using S = signature<M>;
  using Arguments = typename S::arguments;
  return [&object, member, name](const json::array& params, FdTable& fds) -> json::value {
    constexpr std::size_t count = std::tuple_size_v<Arguments>;
    if (params.size() != count) wrong_parameter_count(name, count, params.size());
    return [&]<std::size_t... I>(std::index_sequence<I...>)->json::value {
      Arguments arguments{from_json<std::tuple_element_t<I, Arguments>>(params[I], &fds)...};
      fds.fds.clear();
      if constexpr (std::is_void_v<typename S::result>) {
        (object.*member)(std::move(std::get<I>(arguments))...);
        return nullptr;
      } else {
        auto result = (object.*member)(std::move(std::get<I>(arguments))...);
        return to_json(result, &fds);
      }
    }
    (std::make_index_sequence<count>());
  };
}

}  // namespace detail

// Every method of the described contract C, bound to `object` (which must outlive the server).
template <class C>
Methods methods_of(C& object) {
  Methods methods;
  boost::mp11::mp_for_each<boost::describe::describe_members<C, boost::describe::mod_public |
                                                                    boost::describe::mod_function>>(
      [&](auto member) {
        methods.emplace(member.name, detail::bind_method(object, member.pointer, member.name));
      });
  return methods;
}

// Serves connections, each on a thread of its own, until destroyed. Only root, the server's own
// user and members of `group` are answered, members of the group by `methods` alone: what is in
// `own_methods` they are refused. At most `max_connections` at a time; more wait.
class Server {
 public:
  Server(UniqueFd listener, Methods methods, std::string group, Methods own_methods = {},
         std::size_t max_connections = 256);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

 private:
  struct Connection;
  void accept_loop();
  void serve(Connection& connection);

  UniqueFd listener_;
  Methods methods_, own_methods_;
  std::string group_;
  std::size_t max_connections_;
  UniqueFd stop_;  // eventfd
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::thread acceptor_;
};

// Serves one request on a connected socket, in the calling thread; for a process that lives for one
// request. False when the peer may not call or went away without asking.
bool serve_one(int connection, const Methods& methods, const std::string& group);

// The calling side. Any thread may call; each running call has a connection of its own, idle ones
// are kept. A daemon that is away is waited for up to `patience` (it may be restarting), then the
// call throws INTERNAL_ERROR naming the socket. A call whose connection broke after it was sent is
// never sent again, because it may have been carried out: that throws as well. After `break_off`
// calls under way and all later ones throw at once.
class Link {
 public:
  explicit Link(std::string path,
                std::chrono::milliseconds patience = std::chrono::milliseconds(2000));

  void break_off();

  template <auto Member, class... A>
  auto call(const char* method, A&&... arguments) {
    using S = detail::signature<decltype(Member)>;
    static_assert(sizeof...(A) == std::tuple_size_v<typename S::arguments>);
    FdTable fds;
    json::array params;
    (params.push_back(to_json(arguments, &fds)), ...);
    const json::value result = exchange(method, std::move(params), fds);
    if constexpr (!std::is_void_v<typename S::result>)
      return from_json<typename S::result>(result, &fds);
  }

 private:
  struct UnderWay;
  json::value exchange(const char* method, json::array params, FdTable& fds);
  UniqueFd take_connection();
  void forget_idle();

  std::string path_;
  std::chrono::milliseconds patience_;
  std::mutex mutex_;
  std::vector<UniqueFd> idle_;
  std::set<int> under_way_;
  bool broken_off_ = false;
};

}  // namespace xcp::rpc
