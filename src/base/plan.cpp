// SPDX-License-Identifier: GPL-2.0-or-later
// The runner of plans; see plan.hpp for the contract.
#include "base/plan.hpp"

#include <chrono>
#include <thread>

#include "base/failure.hpp"

namespace xcp {

Plan& Plan::step(std::string name, double weight, std::function<void()> run,
                 std::function<void()> undo) {
  return long_step(
      std::move(name), weight,
      [run = std::move(run)](const std::function<void(double)>&) { run(); }, std::move(undo));
}

Plan& Plan::long_step(std::string name, double weight,
                      std::function<void(const std::function<void(double)>&)> run,
                      std::function<void()> undo) {
  steps_.push_back({std::move(name), weight, std::move(run), std::move(undo)});
  return *this;
}

void Plan::append(Plan other) {
  for (Step& step : other.steps_) steps_.push_back(std::move(step));
}

std::string Plan::text() const {
  std::string out = name_ + '\n';
  for (const Step& step : steps_) {
    out += "  " + step.name;
    if (step.undo) out += " (undo)";
    out += '\n';
  }
  return out;
}

namespace {

constexpr std::chrono::milliseconds undo_pause{50};

// A daemon that is just dying can swallow the first attempt; the second one meets its successor,
// and an undo that was carried out already finds nothing to do.
void undo(const Step& step) {
  try {
    step.undo();
  } catch (const std::exception&) {
    std::this_thread::sleep_for(undo_pause);
    step.undo();
  }
}

void undo_back_from(const Plan& plan, std::size_t last, const PlanHooks& hooks) {
  for (std::size_t i = last + 1; i-- > 0;) {
    const Step& step = plan.steps()[i];
    if (!step.undo) continue;
    try {
      undo(step);
    } catch (const std::exception& error) {
      if (hooks.undo_failed) hooks.undo_failed(step.name, error.what());
    }
  }
}

}  // namespace

void run_plan(const Plan& plan, const PlanHooks& hooks) {
  double total = 0;
  for (const Step& step : plan.steps()) total += step.weight;
  double done = 0;
  const auto report = [&](double weight) {
    if (hooks.progress && total > 0) hooks.progress(weight / total);
  };
  for (std::size_t i = 0; i < plan.steps().size(); ++i) {
    const Step& step = plan.steps()[i];
    if (hooks.cancelled && hooks.cancelled()) {
      if (i > 0) undo_back_from(plan, i - 1, hooks);
      throw Failure("TASK_CANCELLED");
    }
    try {
      if (hooks.before_step) hooks.before_step(step.name);
      step.run([&](double part) { report(done + part * step.weight); });
    } catch (...) {
      undo_back_from(plan, i, hooks);
      throw;
    }
    done += step.weight;
    report(done);
  }
}

}  // namespace xcp
