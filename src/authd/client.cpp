// SPDX-License-Identifier: GPL-2.0-or-later
// See client.hpp.
#include "authd/client.hpp"

#include "base/rpc.hpp"

namespace xcp::auth {

namespace {

class Client : public Auth {
 public:
  explicit Client(std::string path) : path_(std::move(path)) {}

  bool check(std::string user, std::string password) override {
    rpc::Link link(path_);
    return link.call<&Auth::check>("check", user, password);
  }

 private:
  std::string path_;
};

}  // namespace

std::unique_ptr<Auth> make_client(const std::string& socket_path) {
  return std::make_unique<Client>(socket_path);
}

}  // namespace xcp::auth
