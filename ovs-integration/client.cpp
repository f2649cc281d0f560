// SPDX-License-Identifier: GPL-2.0-or-later
// One line a method; see base/rpc.hpp.
#include "ovs-integration/client.hpp"

#include "base/rpc.hpp"

namespace xcp::network {

namespace {

#define XCP_CALL(method, ...) link_.call<&Network::method>(#method __VA_OPT__(, ) __VA_ARGS__)

class Client : public Network {
 public:
  explicit Client(const std::string& path) : link_(path) {}

  Backend backend() override { return XCP_CALL(backend); }
  std::vector<NicInfo> nics() override { return XCP_CALL(nics); }
  std::vector<NicStats> nic_stats() override { return XCP_CALL(nic_stats); }
  std::vector<NetworkState> networks() override { return XCP_CALL(networks); }
  NetworkState ensure_network(NetworkSpec spec) override { return XCP_CALL(ensure_network, spec); }
  void remove_network(std::string uuid) override { XCP_CALL(remove_network, uuid); }
  PortBacking add_port(PortSpec port) override { return XCP_CALL(add_port, port); }
  void activate_port(std::string uuid) override { XCP_CALL(activate_port, uuid); }
  void remove_port(std::string uuid) override { XCP_CALL(remove_port, uuid); }
  std::vector<PortSpec> ports() override { return XCP_CALL(ports); }
  EventBatch events(std::string epoch, std::uint64_t after,
                    std::chrono::milliseconds timeout) override {
    return XCP_CALL(events, epoch, after, timeout);
  }

 private:
  rpc::Link link_;
};

}  // namespace

std::unique_ptr<Network> make_client(const std::string& socket_path) {
  return std::make_unique<Client>(socket_path);
}

}  // namespace xcp::network
