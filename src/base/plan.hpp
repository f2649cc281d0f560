// SPDX-License-Identifier: GPL-2.0-or-later
// Long operations as data: ordered, named, weighted steps, each with its undo. The runner reports
// progress by weight, looks for cancellation between steps, and on a failure undoes what was done,
// last step first, before it passes the failure on. A step that failed is undone as well, because
// it may have got half way: undo functions accept that there is nothing to undo, and one that fails
// is tried once more.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace xcp {

struct Step {
  std::string name;
  double weight = 1.0;
  // `progress` takes 0..1 of this step.
  std::function<void(const std::function<void(double)>& progress)> run;
  std::function<void()> undo;  // may be empty: nothing to take back
};

class Plan {
 public:
  explicit Plan(std::string name) : name_(std::move(name)) {}

  Plan& step(std::string name, double weight, std::function<void()> run,
             std::function<void()> undo = {});
  Plan& long_step(std::string name, double weight,
                  std::function<void(const std::function<void(double)>&)> run,
                  std::function<void()> undo = {});
  void append(Plan other);

  const std::string& name() const { return name_; }
  const std::vector<Step>& steps() const { return steps_; }

  // "name: a, b, c"; what the golden files hold.
  std::string text() const;

 private:
  std::string name_;
  std::vector<Step> steps_;
};

struct PlanHooks {
  std::function<void(double)> progress;  // 0..1 of the whole plan; may be empty
  std::function<bool()> cancelled;       // asked before each step; may be empty
  // A failure of an undo cannot be passed on (one is already on its way); it is told here.
  std::function<void(const std::string& step, const std::string& reason)> undo_failed;
  // Called before each step with its name: the place where tests inject a fault.
  std::function<void(const std::string& step)> before_step;
};

// Throws what the failing step threw, or TASK_CANCELLED [] when `cancelled` said so (the caller
// names the task).
void run_plan(const Plan& plan, const PlanHooks& hooks = {});

}  // namespace xcp
