// SPDX-License-Identifier: GPL-2.0-or-later
// One line a method; see base/rpc.hpp.
#include "sm/client.hpp"

#include "base/rpc.hpp"

namespace xcp::sm {

namespace {

#define XCP_CALL(method, ...) link_.call<&Storage::method>(#method __VA_OPT__(, ) __VA_ARGS__)

class Client : public Storage {
 public:
  explicit Client(const std::string& path) : link_(path) {}

  std::vector<DriverInfo> drivers() override { return XCP_CALL(drivers); }
  std::vector<ProbeResult> sr_probe(std::string type, Config device_config) override {
    return XCP_CALL(sr_probe, type, device_config);
  }
  void sr_create(SrSpec spec, std::int64_t size) override { XCP_CALL(sr_create, spec, size); }
  void sr_plug(SrSpec spec) override { XCP_CALL(sr_plug, spec); }
  void sr_unplug(std::string sr) override { XCP_CALL(sr_unplug, sr); }
  void sr_destroy(SrSpec spec) override { XCP_CALL(sr_destroy, spec); }
  std::vector<std::string> srs() override { return XCP_CALL(srs); }
  SrState sr_state(std::string sr) override { return XCP_CALL(sr_state, sr); }
  std::vector<VdiInfo> sr_scan(std::string sr) override { return XCP_CALL(sr_scan, sr); }
  VdiInfo vdi_create(std::string sr, VdiSpec spec) override {
    return XCP_CALL(vdi_create, sr, spec);
  }
  void vdi_destroy(std::string sr, std::string vdi) override { XCP_CALL(vdi_destroy, sr, vdi); }
  VdiInfo vdi_resize(std::string sr, std::string vdi, std::int64_t virtual_size) override {
    return XCP_CALL(vdi_resize, sr, vdi, virtual_size);
  }
  VdiInfo vdi_snapshot(std::string sr, std::string vdi, VdiSpec names) override {
    return XCP_CALL(vdi_snapshot, sr, vdi, names);
  }
  VdiInfo vdi_clone(std::string sr, std::string vdi, VdiSpec names) override {
    return XCP_CALL(vdi_clone, sr, vdi, names);
  }
  VdiInfo vdi_revert(std::string sr, std::string vdi, std::string snapshot) override {
    return XCP_CALL(vdi_revert, sr, vdi, snapshot);
  }
  VdiInfo vdi_copy(std::string sr, std::string vdi, std::string to_sr, VdiSpec names) override {
    return XCP_CALL(vdi_copy, sr, vdi, to_sr, names);
  }
  double progress(std::string vdi) override { return XCP_CALL(progress, vdi); }
  void cancel(std::string vdi) override { XCP_CALL(cancel, vdi); }
  VdiInfo vdi_set(std::string sr, std::string vdi, Config changes) override {
    return XCP_CALL(vdi_set, sr, vdi, changes);
  }
  DiskSource vdi_attach(std::string sr, std::string vdi, std::string data_path,
                        bool read_write) override {
    return XCP_CALL(vdi_attach, sr, vdi, data_path, read_write);
  }
  void vdi_activate(std::string sr, std::string vdi, std::string data_path) override {
    XCP_CALL(vdi_activate, sr, vdi, data_path);
  }
  DiskSource vdi_source(std::string sr, std::string vdi) override {
    return XCP_CALL(vdi_source, sr, vdi);
  }
  void vdi_detach(std::string sr, std::string vdi, std::string data_path) override {
    XCP_CALL(vdi_detach, sr, vdi, data_path);
  }
  std::vector<DataPath> data_paths() override { return XCP_CALL(data_paths); }

 private:
  rpc::Link link_;
};

}  // namespace

std::unique_ptr<Storage> make_client(const std::string& socket_path) {
  return std::make_unique<Client>(socket_path);
}

}  // namespace xcp::sm
