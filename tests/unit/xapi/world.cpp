// SPDX-License-Identifier: GPL-2.0-or-later
// See world.hpp. The order of members is the order of life, as in the toolstack itself.
#include "world.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/describe.hpp"
#include "base/fd.hpp"
#include "sm/driver.hpp"
#include "xapi/operations/operations.hpp"

namespace xcp::xapi::test {

using model::SR;
using model::Value;
using model::VBD;
using model::VDI;
using model::VIF;
using model::VM;

namespace {

// The tests come in as local root, so nobody is asked.
struct NobodyAsks : auth::Auth {
  bool check(std::string, std::string) override { return false; }
};

Settings toolstack_settings(const TempDir& dir) {
  Settings settings;
  settings.state_dir = dir / "xapi";
  settings.socket = dir / "xapi.sock";
  return settings;
}

db::StoreSettings store_settings(const TempDir& dir, bool on_disk) {
  db::StoreSettings settings;
  if (on_disk) settings.path = dir / "xapi.db";
  settings.derive = derive_allowed_operations;
  return settings;
}

struct FreshStore : db::Store {
  explicit FreshStore(db::StoreSettings settings) : db::Store(std::move(settings)) {
    reset_operations(*this);
  }
};

}  // namespace

TempDir::TempDir() {
  std::string path = std::filesystem::temp_directory_path() / "xcp-world-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) throw system_failure("mkdtemp", errno);
  path_ = path;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

WorldSettings::WorldSettings() {
  sim.manual_clock = true;
  sim.timing = {{"operations", "0"}};
}

struct World::Daemons {
  Daemons(const WorldSettings& settings, const TempDir& dir)
      : hypervisor(hypervisor::make_sim(settings.sim)) {
    start(settings, dir);
  }

  void start(const WorldSettings& settings, const TempDir& dir) {
    sm::Settings storage_settings;
    storage_settings.state_dir = dir / "storage";
    std::filesystem::create_directories(storage_settings.state_dir);
    storage = sm::make_local_storage(
        storage_settings,
        settings.drivers ? settings.drivers() : std::vector<std::unique_ptr<sm::Driver>>{});
    network::NetworkSettings network_settings;
    network_settings.state_dir = dir / "network";
    network_settings.backend = settings.network;
    network = std::make_unique<network::LocalNetwork>(network_settings);
  }

  void stop() {
    network.reset();
    storage.reset();
  }

  std::unique_ptr<hypervisor::Hypervisor> hypervisor;
  std::unique_ptr<sm::LocalStorage> storage;
  std::unique_ptr<network::LocalNetwork> network;
};

struct World::Toolstack {
  Toolstack(const WorldSettings& world, const TempDir& dir, Daemons& daemons)
      : settings(toolstack_settings(dir)),
        store(store_settings(dir, world.on_disk)),
        refs(ensure_host(store, settings)),
        sessions(store, refs.host),
        tasks(store, refs.host),
        events(store, sessions),
        workers({4, 256, 256}),
        reconciler([this](std::function<void()> work) { start(std::move(work)); }),
        services{settings,
                 store,
                 sessions,
                 tasks,
                 events,
                 *daemons.hypervisor,
                 *daemons.storage,
                 *daemons.network,
                 auth,
                 reconciler,
                 refs.host,
                 refs.pool},
        dispatcher(services, [this](std::function<void()> work) { start(std::move(work)); }) {
    Session session;
    session.user = "root";
    session.roles = model::role_mask_all();
    session.local_superuser = true;
    root = sessions.open(session);
    HostFacts facts;
    facts.begin(services);
    facts.wait();
  }

  ~Toolstack() {
    reconciler.stop();
    workers.stop();
  }

  void start(std::function<void()> work) {
    if (!workers.submit("test", Priority::Lifecycle, std::move(work)))
      throw Failure("TOO_MANY_PENDING_TASKS");
  }

  Settings settings;
  NobodyAsks auth;
  FreshStore store;
  HostRefs refs;
  Sessions sessions;
  Tasks tasks;
  EventHub events;
  Workers workers;
  Reconciler reconciler;
  Services services;
  Dispatcher dispatcher;
  Session root;
};

World::World(WorldSettings settings)
    : settings_(std::move(settings)),
      daemons_(std::make_unique<Daemons>(settings_, dir_)),
      toolstack_(std::make_unique<Toolstack>(settings_, dir_, *daemons_)) {}

World::~World() = default;

void World::restart(bool daemons) {
  toolstack_.reset();
  if (daemons) {
    daemons_->stop();
    daemons_->start(settings_, dir_);
  }
  toolstack_ = std::make_unique<Toolstack>(settings_, dir_, *daemons_);
}

Services& World::services() {
  return toolstack_->services;
}
Dispatcher& World::dispatcher() {
  return toolstack_->dispatcher;
}
hypervisor::Hypervisor& World::hypervisor() {
  return *daemons_->hypervisor;
}
sm::LocalStorage& World::storage() {
  return *daemons_->storage;
}
network::LocalNetwork& World::network() {
  return *daemons_->network;
}
const Session& World::root() {
  return toolstack_->root;
}
void World::reconcile() {
  toolstack_->reconciler.begin(
      toolstack_->services,
      [&hypervisor = toolstack_->services.hypervisor](const auto&... position) {
        return hypervisor.events(position...);
      },
      [] {});
}

Value World::call(const std::string& method, std::vector<Value> arguments) {
  return dispatcher().call(root(), method, std::move(arguments)).value;
}

std::string World::failure_of(const std::string& method, std::vector<Value> arguments) {
  try {
    call(method, std::move(arguments));
  } catch (const Failure& failure) {
    return failure.code();
  }
  return "";
}

void World::wait_for(const Ref<model::task>& task) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (;;) {
    const auto status = get(task, model::task::status);
    if (status != model::TaskStatusType::Pending && status != model::TaskStatusType::Cancelling)
      return;
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "the task does not end";
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void World::advance(int seconds) {
  hypervisor().control("advance", {{"seconds", std::to_string(seconds)}});
}

// ---- things -------------------------------------------------------------------------------------

namespace {

Value text_map(const std::map<std::string, std::string>& map) {
  return model::to_value(map);
}

}  // namespace

Ref<SR> World::make_sr(const std::string& type, const std::string& name) {
  std::map<std::string, std::string> config;
  if (type == "file") config["location"] = dir_ / ("sr-" + name);
  return call_ref<SR>("SR.create", {services().host.str(), text_map(config), 0, name, "", type, "",
                                    false, text_map({})});
}

Ref<VDI> World::make_vdi(const Ref<SR>& sr, std::int64_t bytes, const std::string& name) {
  auto record = full_record<VDI>();
  record.set(VDI::SR, sr);
  record.set(VDI::name_label, name);
  record.set(VDI::virtual_size, bytes);
  record.set(VDI::type, model::VdiType::User);
  return call_ref<VDI>("VDI.create", {record});
}

Ref<VM> World::make_vm(const std::string& name) {
  auto record = full_record<VM>();
  record.set(VM::name_label, name);
  record.set(VM::memory_static_min, 64 * MiB);
  record.set(VM::memory_dynamic_min, 256 * MiB);
  record.set(VM::memory_dynamic_max, 256 * MiB);
  record.set(VM::memory_static_max, 256 * MiB);
  record.set(VM::VCPUs_max, 2);
  record.set(VM::VCPUs_at_startup, 1);
  record.set(VM::HVM_boot_policy, "BIOS order");
  return call_ref<VM>("VM.create", {record});
}

Ref<VBD> World::make_vbd(const Ref<VM>& vm, const Ref<VDI>& vdi, const std::string& device,
                         model::VbdMode mode) {
  auto record = full_record<VBD>();
  record.set(VBD::VM, vm);
  record.set(VBD::VDI, vdi);
  record.set(VBD::userdevice, device);
  record.set(VBD::mode, mode);
  record.set(VBD::type, model::VbdType::Disk);
  return call_ref<VBD>("VBD.create", {record});
}

Ref<VBD> World::make_cd(const Ref<VM>& vm, const Ref<VDI>& medium) {
  auto record = full_record<VBD>();
  record.set(VBD::VM, vm);
  record.set(VBD::VDI, medium);
  record.set(VBD::empty, medium.is_null());
  record.set(VBD::userdevice, "3");
  record.set(VBD::mode, model::VbdMode::RO);
  record.set(VBD::type, model::VbdType::CD);
  return call_ref<VBD>("VBD.create", {record});
}

Ref<model::network> World::make_network(const std::string& name) {
  auto record = full_record<model::network>();
  record.set(model::network::name_label, name);
  return call_ref<model::network>("network.create", {record});
}

Ref<VIF> World::make_vif(const Ref<VM>& vm, const Ref<model::network>& network) {
  auto record = full_record<VIF>();
  record.set(VIF::VM, vm);
  record.set(VIF::network, network);
  record.set(VIF::device, "autodetect");
  return call_ref<VIF>("VIF.create", {record});
}

Ref<SR> World::make_iso_sr(const std::string& medium) {
  const std::string location = dir_ / "media";
  std::filesystem::create_directories(location);
  std::ofstream(location + "/" + medium) << std::string(4096, 'm');
  return call_ref<SR>("SR.create", {services().host.str(), text_map({{"location", location}}), 0,
                                    "media", "", "iso", "iso", false, text_map({})});
}

Ref<VDI> World::only_vdi(const Ref<SR>& sr) {
  const auto vdis = get(sr, SR::VDIs);
  EXPECT_EQ(vdis.size(), 1u);
  return vdis.empty() ? Ref<VDI>() : vdis.front();
}

// ---- everything ---------------------------------------------------------------------------------

namespace {

class Lines {
 public:
  void add(std::string line) { lines_.push_back(std::move(line)); }
  std::string text() {
    std::sort(lines_.begin(), lines_.end());
    std::string out;
    for (const std::string& line : lines_) out += line + '\n';
    return out;
  }

 private:
  std::vector<std::string> lines_;
};

void add_records(Lines& lines, const db::Snapshot& view) {
  for (const model::ClassDesc& desc : model::classes()) {
    const std::uint16_t index = model::class_index(desc);
    if (!desc.in_database || index == model::task::index || index == model::session::index)
      continue;
    view.rows(index).for_each([&](const db::RowPtr& row) {
      lines.add(std::string(desc.name) + " " + row->ref + " " + std::string(row->json()));
    });
  }
}

void add_storage(Lines& lines, sm::Storage& storage) {
  for (const std::string& sr : storage.srs()) {
    lines.add("plugged " + sr);
    for (sm::VdiInfo info : storage.sr_scan(sr)) {
      info.physical_utilisation = 0;
      lines.add("disk " + sr + " " + json_text(to_json(info)));
    }
  }
  for (const sm::DataPath& path : storage.data_paths())
    lines.add("data path " + json_text(to_json(path)));
}

}  // namespace

// A guest that writes to the image its disk is now counts as the same, whichever image that is: a
// snapshot that was taken back leaves a new one.
hypervisor::DomainState World::with_current_images(hypervisor::DomainState domain) {
  const auto vm = view().find_uuid<VM>(domain.uuid);
  if (!vm) return domain;
  for (hypervisor::DiskSpec& disk : domain.disks)
    for (const Ref<VBD>& ref : (*vm)[VM::VBDs]) {
      const auto vdi = view().find(get(ref, VBD::VDI));
      if (!vdi || get(ref, VBD::userdevice) != disk.device) continue;
      const sm::DiskSource source =
          storage().vdi_source(get((*vdi)[VDI::SR], SR::uuid), (*vdi)[VDI::uuid]);
      if (disk.path == source.path) disk.path = "current image of " + (*vdi)[VDI::uuid];
    }
  return domain;
}

std::string World::state() {
  Lines lines;
  add_records(lines, view());
  add_storage(lines, storage());
  for (const hypervisor::DomainState& domain : hypervisor().domains()) {
    const hypervisor::DomainState masked = with_current_images(domain);
    lines.add("domain " + json_text(to_json(masked)));
  }
  for (const network::NetworkState& state : network().networks())
    lines.add("network " + json_text(to_json(state)));
  for (const network::PortSpec& port : network().ports())
    lines.add("port " + json_text(to_json(port)));
  return lines.text();
}

void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(XCP_SOURCE_DIR) + "/tests/golden/" + name;
  if (std::getenv("XCP_GOLDEN_WRITE") != nullptr) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
    return;
  }
  EXPECT_EQ(text, read_file(path).value_or("")) << path << " (XCP_GOLDEN_WRITE=1 writes it anew)";
}

}  // namespace xcp::xapi::test
