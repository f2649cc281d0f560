// SPDX-License-Identifier: GPL-2.0-or-later
// A whole host in one process: the simulated hypervisor, the real storage and network libraries
// over a temporary directory, the store, sessions, tasks and the dispatcher, with nobody listening.
// Time of guests stands still unless a test moves it; nothing happens in the background unless the
// test starts the reconciler.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hypervisor/sim/sim.hpp"
#include "ovs-integration/local_network.hpp"
#include "sm/local_storage.hpp"
#include "xapi/context.hpp"
#include "xapi/dispatch.hpp"
#include "xapi/events.hpp"
#include "xapi/host.hpp"
#include "xapi/reconcile.hpp"
#include "xapi/tasks.hpp"
#include "xapi/workers.hpp"

namespace xcp::xapi::test {

inline constexpr std::int64_t MiB = std::int64_t{1} << 20;
inline constexpr std::int64_t GiB = std::int64_t{1} << 30;

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + '/' + name; }

 private:
  std::string path_;
};

struct WorldSettings {
  bool on_disk = false;  // the database outlives restart()
  network::Backend network = network::Backend::sim;
  hypervisor::SimSettings sim;
  // Storage drivers; empty: all there are. Called at each start.
  std::function<std::vector<std::unique_ptr<sm::Driver>>()> drivers;
  WorldSettings();
};

// A record with every field that create wants, empty.
template <class C>
model::RecordValue full_record() {
  auto record = empty_record<C>();
  const auto fields = model::classes()[C::index].fields;
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (!fields[i].default_json && fields[i].qualifier != model::Qualifier::DynamicReadOnly)
      record.fields[i] = model::zero_value(*fields[i].type);
  return record;
}

class World {
 public:
  explicit World(WorldSettings settings = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // The toolstack ends and starts anew; with `daemons` the storage and network daemons as well.
  // Guests run on. What was running is lost, as after a kill.
  void restart(bool daemons = false);

  Services& services();
  Dispatcher& dispatcher();
  db::Store& store() { return services().store; }
  db::Snapshot view() { return store().snapshot(); }
  hypervisor::Hypervisor& hypervisor();
  sm::LocalStorage& storage();
  network::LocalNetwork& network();
  const TempDir& dir() const { return dir_; }
  const Session& root();

  // Starts the reconciler's threads; the destructor and restart() stop them.
  void reconcile();

  // A call as local root. Throws the Failure.
  model::Value call(const std::string& method, std::vector<model::Value> arguments);
  template <class C>
  Ref<C> call_ref(const std::string& method, std::vector<model::Value> arguments) {
    return model::from_value<Ref<C>>(call(method, std::move(arguments)));
  }
  // The code that the call throws; "" when it throws nothing.
  std::string failure_of(const std::string& method, std::vector<model::Value> arguments);
  // Waits until the task has ended.
  void wait_for(const Ref<model::task>& task);

  // Advances the guests' clock.
  void advance(int seconds);

  // Things, made through the API. Names are the tests' own.
  Ref<model::SR> make_sr(const std::string& type, const std::string& name = "SR");
  Ref<model::VDI> make_vdi(const Ref<model::SR>& sr, std::int64_t bytes = 64 * MiB,
                           const std::string& name = "disk");
  Ref<model::VM> make_vm(const std::string& name = "vm");
  Ref<model::VBD> make_vbd(const Ref<model::VM>& vm, const Ref<model::VDI>& vdi,
                           const std::string& device = "autodetect",
                           model::VbdMode mode = model::VbdMode::RW);
  Ref<model::VBD> make_cd(const Ref<model::VM>& vm, const Ref<model::VDI>& medium = {});
  Ref<model::network> make_network(const std::string& name = "network");
  Ref<model::VIF> make_vif(const Ref<model::VM>& vm, const Ref<model::network>& network);
  // An SR of type iso with one medium of this name in it.
  Ref<model::SR> make_iso_sr(const std::string& medium = "tools.iso");
  Ref<model::VDI> only_vdi(const Ref<model::SR>& sr);

  template <class C, class T>
  T get(const Ref<C>& ref, model::Field<C, T> field) {
    return view().get(ref)[field];
  }

  // Everything there is: records, disks, data paths, domains, networks and ports. Two equal texts
  // are two equal worlds; sizes on disk and calls in progress do not count.
  std::string state();

 private:
  hypervisor::DomainState with_current_images(hypervisor::DomainState domain);

  struct Daemons;
  struct Toolstack;

  const WorldSettings settings_;
  TempDir dir_;
  std::unique_ptr<Daemons> daemons_;
  std::unique_ptr<Toolstack> toolstack_;
};

// Compares with tests/golden/<name>; XCP_GOLDEN_WRITE=1 writes it anew.
void expect_golden(const std::string& name, const std::string& text);

}  // namespace xcp::xapi::test
