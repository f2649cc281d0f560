// SPDX-License-Identifier: GPL-2.0-or-later
// The stand-alone mode: every guest gets its emulator's own user-mode network, so there is nothing
// to make on the host. NICs are looked at and nothing else.
#include "base/failure.hpp"
#include "ovs-integration/datapath.hpp"
#include "ovs-integration/host/nic_watch.hpp"

namespace xcp::network {

namespace {

class UserDatapath : public Datapath {
 public:
  explicit UserDatapath(NicSources sources) : scan_(links_, std::move(sources)), watch_(scan_) {}

  Backend backend() const override { return Backend::user; }
  std::vector<NicInfo> nics() override { return scan_.nics(); }
  std::vector<NicStats> nic_stats() override { return scan_.stats(); }
  std::set<std::string> taken_names() override { return {}; }
  bool has_port_devices() const override { return false; }

  void ensure(NetworkRecord&, const NetworkRecord*) override {}
  void remove(const NetworkRecord&) override {}
  bool is_up(const NetworkRecord&) override { return true; }
  void activate(const PortRecord& port, const NetworkRecord&) override {
    if (port.spec.rate_kbytes_per_s > 0)
      throw Failure("NOT_IMPLEMENTED", {"a rate limit on a user-mode network"});
  }
  void release(const PortRecord&) override {}
  std::vector<std::string> repair(DesiredState&) override { return {}; }
  void watch(std::function<void(const std::string& device)> changed) override {
    watch_.start(std::move(changed));
  }
  void stop_watching() override { watch_.stop(); }

 private:
  HostLinks links_;
  NicScan scan_;
  NicWatch watch_;
};

}  // namespace

std::unique_ptr<Datapath> make_user_datapath(NicSources sources) {
  return std::make_unique<UserDatapath>(std::move(sources));
}

}  // namespace xcp::network
