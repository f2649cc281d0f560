// SPDX-License-Identifier: GPL-2.0-or-later
// One line a method; see base/rpc.hpp.
#include "hypervisor/client.hpp"

namespace xcp::hypervisor {

namespace {

#define XCP_CALL(method, ...) link_.call<&Hypervisor::method>(#method __VA_OPT__(, ) __VA_ARGS__)

class Client : public Hypervisor {
 public:
  explicit Client(const std::string& path) : link_(path) {}

  HostFacts host() override { return XCP_CALL(host); }
  std::vector<DomainState> domains() override { return XCP_CALL(domains); }
  std::optional<DomainState> domain(std::string uuid) override { return XCP_CALL(domain, uuid); }
  GuestFacts guest(std::string uuid) override { return XCP_CALL(guest, uuid); }
  std::vector<DomainStats> stats() override { return XCP_CALL(stats); }
  DomainState build(VmSpec spec) override { return XCP_CALL(build, spec); }
  void unpause(std::string uuid) override { XCP_CALL(unpause, uuid); }
  void pause(std::string uuid) override { XCP_CALL(pause, uuid); }
  void shutdown(std::string uuid, ShutdownKind kind) override { XCP_CALL(shutdown, uuid, kind); }
  void destroy(std::string uuid) override { XCP_CALL(destroy, uuid); }
  void reset(std::string uuid) override { XCP_CALL(reset, uuid); }
  void forget(std::string uuid) override { XCP_CALL(forget, uuid); }
  void save(std::string uuid, std::string path) override { XCP_CALL(save, uuid, path); }
  DomainState restore(VmSpec spec, std::string path) override {
    return XCP_CALL(restore, spec, path);
  }
  void checkpoint(std::string uuid, std::string path,
                  std::map<std::string, DiskSpec> new_images) override {
    XCP_CALL(checkpoint, uuid, path, new_images);
  }
  void migrate_send(std::string uuid, UniqueFd stream, SendOptions options) override {
    XCP_CALL(migrate_send, uuid, stream, options);
  }
  DomainState migrate_receive(UniqueFd stream, ReceiveOptions options) override {
    return XCP_CALL(migrate_receive, stream, options);
  }
  void plug_disk(std::string uuid, DiskSpec disk) override { XCP_CALL(plug_disk, uuid, disk); }
  void unplug_disk(std::string uuid, std::string device) override {
    XCP_CALL(unplug_disk, uuid, device);
  }
  void change_medium(std::string uuid, std::string device, DiskSpec medium) override {
    XCP_CALL(change_medium, uuid, device, medium);
  }
  void switch_images(std::string uuid, std::map<std::string, DiskSpec> new_images) override {
    XCP_CALL(switch_images, uuid, new_images);
  }
  void plug_nic(std::string uuid, NicSpec nic) override { XCP_CALL(plug_nic, uuid, nic); }
  void unplug_nic(std::string uuid, std::string device) override {
    XCP_CALL(unplug_nic, uuid, device);
  }
  void set_vcpus(std::string uuid, std::int64_t vcpus) override {
    XCP_CALL(set_vcpus, uuid, vcpus);
  }
  void set_memory_target(std::string uuid, std::int64_t bytes) override {
    XCP_CALL(set_memory_target, uuid, bytes);
  }
  UniqueFd console(std::string uuid, ConsoleKind kind) override {
    return XCP_CALL(console, uuid, kind);
  }
  EventBatch events(std::string epoch, std::uint64_t after,
                    std::chrono::milliseconds timeout) override {
    return XCP_CALL(events, epoch, after, timeout);
  }
  std::string control(std::string command, std::map<std::string, std::string> args) override {
    return XCP_CALL(control, command, args);
  }

 private:
  rpc::Link link_;
};

}  // namespace

EventBatch EventClient::events(const std::string& epoch, std::uint64_t after,
                               std::chrono::milliseconds timeout) {
  return link_.call<&Hypervisor::events>("events", epoch, after, timeout);
}

std::unique_ptr<Hypervisor> make_client(const std::string& socket_path) {
  return std::make_unique<Client>(socket_path);
}

}  // namespace xcp::hypervisor
