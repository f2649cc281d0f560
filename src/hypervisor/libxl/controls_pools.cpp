// SPDX-License-Identifier: GPL-2.0-or-later
// CPU pools and schedulers; see controls.hpp.
#include <algorithm>

#include "hypervisor/libxl/control_words.hpp"
#include "hypervisor/libxl/controls.hpp"
#include "hypervisor/libxl/domain_config.hpp"

namespace xcp::hypervisor::libxl {

namespace {

using PoolList = List<libxl_cpupoolinfo, int, libxl_cpupoolinfo_list_free>;
using DomainParams = Owned<libxl_domain_sched_params, libxl_domain_sched_params_init,
                           libxl_domain_sched_params_dispose>;
using VcpuParams =
    Owned<libxl_vcpu_sched_params, libxl_vcpu_sched_params_init, libxl_vcpu_sched_params_dispose>;

// In libxl's structures: what is not told, and what is to stay as it is.
constexpr int not_set = -1;

std::uint32_t pool_of(Context& context, const std::string& name) {
  std::uint32_t id = 0;
  if (libxl_cpupool_qualifier_to_cpupoolid(context, name.c_str(), &id, nullptr) != 0 ||
      !libxl_cpupoolid_is_valid(context, id))
    throw Failure("CPU_POOL_NOT_FOUND", {name});
  return id;
}

libxl_scheduler scheduler_of(const std::string& name) {
  libxl_scheduler scheduler;
  if (libxl_scheduler_from_string(name.c_str(), &scheduler) != 0)
    throw Failure("INVALID_VALUE", {"scheduler", name});
  return scheduler;
}

libxl_scheduler scheduler_of_pool(Context& context, std::uint32_t id) {
  Owned<libxl_cpupoolinfo, libxl_cpupoolinfo_init, libxl_cpupoolinfo_dispose> info;
  context.check(libxl_cpupool_info(context, &info.value, id), "cannot look at a CPU pool");
  return info.value.sched;
}

std::optional<std::int64_t> told(int value) {
  if (value == not_set) return std::nullopt;
  return value;
}

int asked(const std::optional<std::int64_t>& value) {
  return value ? static_cast<int>(*value) : not_set;
}

XenSchedule schedule_of(libxl_scheduler scheduler, const auto& params) {
  XenSchedule schedule;
  schedule.scheduler = text_of(libxl_scheduler_to_string(scheduler));
  schedule.weight = told(params.weight);
  schedule.cap = told(params.cap);
  schedule.period_us = told(params.period);
  schedule.budget_us = told(params.budget);
  if (params.extratime != not_set) schedule.extratime = params.extratime != 0;
  return schedule;
}

void fill(auto& params, const XenSchedule& schedule) {
  params.weight = asked(schedule.weight);
  params.cap = asked(schedule.cap);
  params.period = asked(schedule.period_us);
  params.budget = asked(schedule.budget_us);
  params.extratime = schedule.extratime ? int{*schedule.extratime} : not_set;
}

void make_room(libxl_vcpu_sched_params& params, std::size_t count) {
  params.vcpus = static_cast<libxl_sched_params*>(calloc(count, sizeof(libxl_sched_params)));
  if (params.vcpus == nullptr) throw internal_error("no memory for parameters");
  params.num_vcpus = static_cast<int>(count);
  for (std::size_t i = 0; i < count; ++i) libxl_sched_params_init(&params.vcpus[i]);
}

}  // namespace

std::vector<XenCpuPool> Controls::cpu_pools() {
  Context context;
  int count = 0;
  libxl_cpupoolinfo* infos = libxl_list_cpupool(context, &count);
  const PoolList list(infos, count);
  if (list.failed()) throw context.failure("cannot list the CPU pools", ERROR_FAIL);
  std::vector<XenCpuPool> pools;
  for (const libxl_cpupoolinfo& info : list)
    pools.push_back({info.poolid, text_of(info.pool_name),
                     text_of(libxl_scheduler_to_string(info.sched)), info.n_dom,
                     numbers_of(info.cpumap)});
  return pools;
}

void Controls::create_cpu_pool(std::string name, std::string scheduler, Numbers cpus) {
  Context context;
  Bitmap map(cpus);
  libxl_uuid uuid;
  libxl_uuid_generate(&uuid);
  std::uint32_t id = LIBXL_CPUPOOL_POOLID_ANY;
  context.check(
      libxl_cpupool_create(context, name.c_str(), scheduler_of(scheduler), *map.get(), &uuid, &id),
      "cannot make the CPU pool " + name);
}

void Controls::destroy_cpu_pool(std::string name) {
  Context context;
  context.check(libxl_cpupool_destroy(context, pool_of(context, name)),
                "cannot remove the CPU pool " + name);
}

void Controls::rename_cpu_pool(std::string name, std::string new_name) {
  Context context;
  context.check(libxl_cpupool_rename(context, new_name.c_str(), pool_of(context, name)),
                "cannot rename the CPU pool " + name);
}

void Controls::add_pool_cpus(std::string name, Numbers cpus) {
  Context context;
  const std::uint32_t id = pool_of(context, name);
  const Bitmap map(cpus);
  context.check(libxl_cpupool_cpuadd_cpumap(context, id, map.get()),
                "cannot add CPUs to the pool " + name);
}

void Controls::remove_pool_cpus(std::string name, Numbers cpus) {
  Context context;
  const std::uint32_t id = pool_of(context, name);
  const Bitmap map(cpus);
  context.check(libxl_cpupool_cpuremove_cpumap(context, id, map.get()),
                "cannot take CPUs from the pool " + name);
}

void Controls::move_to_cpu_pool(std::int64_t domid, std::string name) {
  Context context;
  const std::uint32_t number = there(context, domid);
  context.check(libxl_cpupool_movedomain(context, pool_of(context, name), number),
                "cannot move domain " + std::to_string(domid) + " to the pool " + name);
}

XenSchedule Controls::schedule(std::int64_t domid) {
  Context context;
  const std::uint32_t number = there(context, domid);
  DomainParams params;
  context.check(libxl_domain_sched_params_get(context, number, &params.value),
                "cannot read the schedule of domain " + std::to_string(domid));
  return schedule_of(params.value.sched, params.value);
}

void Controls::set_schedule(std::int64_t domid, XenSchedule schedule) {
  Context context;
  const std::uint32_t number = there(context, domid);
  DomainParams params;
  params.value.sched = scheduler_of(schedule.scheduler);
  fill(params.value, schedule);
  context.check(libxl_domain_sched_params_set(context, number, &params.value),
                "cannot change the schedule of domain " + std::to_string(domid));
}

std::vector<XenSchedule> Controls::vcpu_schedules(std::int64_t domid, Numbers vcpus) {
  Context context;
  const std::uint32_t number = there(context, domid);
  VcpuParams params;
  int code = 0;
  if (vcpus.empty()) {
    code = libxl_vcpu_sched_params_get_all(context, number, &params.value);
  } else {
    make_room(params.value, vcpus.size());
    for (std::size_t i = 0; i < vcpus.size(); ++i)
      params.value.vcpus[i].vcpuid = static_cast<int>(vcpus[i]);
    code = libxl_vcpu_sched_params_get(context, number, &params.value);
  }
  context.check(code, "cannot read the schedules of domain " + std::to_string(domid));
  std::vector<XenSchedule> schedules;
  for (int i = 0; i < params.value.num_vcpus; ++i) {
    schedules.push_back(schedule_of(params.value.sched, params.value.vcpus[i]));
    schedules.back().vcpu = params.value.vcpus[i].vcpuid;
  }
  return schedules;
}

void Controls::set_vcpu_schedules(std::int64_t domid, std::vector<XenSchedule> schedules) {
  if (schedules.empty()) return;
  Context context;
  const std::uint32_t number = there(context, domid);
  VcpuParams params;
  params.value.sched = scheduler_of(schedules[0].scheduler);
  make_room(params.value, schedules.size());
  for (std::size_t i = 0; i < schedules.size(); ++i) {
    fill(params.value.vcpus[i], schedules[i]);
    params.value.vcpus[i].vcpuid = asked(schedules[i].vcpu);
  }
  const bool of_all = !schedules[0].vcpu;
  if (of_all && schedules.size() > 1) throw Failure("INVALID_VALUE", {"vcpu", "missing"});
  context.check(of_all ? libxl_vcpu_sched_params_set_all(context, number, &params.value)
                       : libxl_vcpu_sched_params_set(context, number, &params.value),
                "cannot change the schedules of domain " + std::to_string(domid));
}

XenPoolSchedule Controls::pool_schedule(std::string pool) {
  Context context;
  const std::uint32_t id = pool_of(context, pool);
  const std::string what = "cannot read the schedule of the pool " + pool;
  XenPoolSchedule schedule;
  const libxl_scheduler scheduler = scheduler_of_pool(context, id);
  if (scheduler == LIBXL_SCHEDULER_CREDIT) {
    libxl_sched_credit_params params;
    libxl_sched_credit_params_init(&params);
    context.check(libxl_sched_credit_params_get(context, id, &params), what);
    schedule = {params.tslice_ms, params.ratelimit_us, params.vcpu_migr_delay_us};
  } else if (scheduler == LIBXL_SCHEDULER_CREDIT2) {
    libxl_sched_credit2_params params;
    libxl_sched_credit2_params_init(&params);
    context.check(libxl_sched_credit2_params_get(context, id, &params), what);
    schedule.ratelimit_us = params.ratelimit_us;
  }
  return schedule;
}

void Controls::set_pool_schedule(std::string pool, XenPoolSchedule schedule) {
  Context context;
  const std::uint32_t id = pool_of(context, pool);
  const std::string what = "cannot change the schedule of the pool " + pool;
  const libxl_scheduler scheduler = scheduler_of_pool(context, id);
  if (scheduler == LIBXL_SCHEDULER_CREDIT) {
    libxl_sched_credit_params params;
    libxl_sched_credit_params_init(&params);
    context.check(libxl_sched_credit_params_get(context, id, &params), what);
    if (schedule.tslice_ms) params.tslice_ms = asked(schedule.tslice_ms);
    if (schedule.ratelimit_us) params.ratelimit_us = asked(schedule.ratelimit_us);
    if (schedule.migration_delay_us) params.vcpu_migr_delay_us = asked(schedule.migration_delay_us);
    context.check(libxl_sched_credit_params_set(context, id, &params), what);
    return;
  }
  if (scheduler != LIBXL_SCHEDULER_CREDIT2)
    throw Failure("VALUE_NOT_SUPPORTED", {"scheduler", libxl_scheduler_to_string(scheduler),
                                          "has no parameters of a pool"});
  libxl_sched_credit2_params params;
  libxl_sched_credit2_params_init(&params);
  context.check(libxl_sched_credit2_params_get(context, id, &params), what);
  if (schedule.ratelimit_us) params.ratelimit_us = asked(schedule.ratelimit_us);
  context.check(libxl_sched_credit2_params_set(context, id, &params), what);
}

}  // namespace xcp::hypervisor::libxl
