/* dnn_graph.cu: descriptors of cuDNN's graph API, the choice of an engine for a graph, and its execution with workspace from the allocator. */
#include "dnn_graph.h"
#include <cstdio>
#include <cstring>
#include <vector>

/* ---- descriptors ---- */
tc_dnn_descriptor &tc_dnn_descriptor::operator=(tc_dnn_descriptor &&from) noexcept {
  if (this == &from) return *this;
  end();
  it = from.it, name = from.name, status = from.status, failed = from.failed;
  from.it = nullptr;
  return *this;
}

void tc_dnn_descriptor::end() {
  if (it) DNN(cudnnBackendDestroyDescriptor)(it);
  it = nullptr;
}

tc_dnn_descriptor &tc_dnn_descriptor::begin(cudnnBackendDescriptorType_t type, const char *what) {
  end();
  name = what, failed = -1;
  status = DNN(cudnnBackendCreateDescriptor)(type, &it);
  if (status != CUDNN_STATUS_SUCCESS) it = nullptr;
  return *this;
}

tc_dnn_descriptor &tc_dnn_descriptor::put(cudnnBackendAttributeName_t a, cudnnBackendAttributeType_t type, int64_t count, const void *values) {
  if (status != CUDNN_STATUS_SUCCESS) return *this;
  status = DNN(cudnnBackendSetAttribute)(it, a, type, count, values);
  if (status != CUDNN_STATUS_SUCCESS) failed = (int)a;
  return *this;
}

bool tc_dnn_descriptor::works() {
  if (status == CUDNN_STATUS_SUCCESS) status = DNN(cudnnBackendFinalize)(it);
  return status == CUDNN_STATUS_SUCCESS;
}

const char *tc_dnn_descriptor::reason(char *room) const { return tc_dnn_reason(status, room); }

int tc_dnn_descriptor::finish() {
  if (works()) return TC_OK;
  char doing[96];
  if (failed >= 0) snprintf(doing, sizeof doing, "attribute %d of the graph's %s", failed, name);
  else snprintf(doing, sizeof doing, "the graph's %s", name);
  return tc_dnn_answer(status, doing);
}

int64_t tc_dnn_descriptor::read(cudnnBackendAttributeName_t a, cudnnBackendAttributeType_t type, void *values, int64_t room) const {
  int64_t count = 0;
  if (status != CUDNN_STATUS_SUCCESS || DNN(cudnnBackendGetAttribute)(it, a, type, room, &count, values) != CUDNN_STATUS_SUCCESS) return -1;
  return room && count > room ? room : count;
}

int tc_dnn_properties(const char *json, tc_dnn_descriptor *d) {
  d->begin(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, "properties of a device");
  return d->list(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, json, (int64_t)strlen(json)).finish();
}

/* ---- engines ---- */
namespace {
struct search {
  const tc_dnn_place &where;
  const tc_dnn_descriptor &graph;
  const tc_dnn_wish &wish;
  tc_dnn_plan *best;               /* until one fits: the one with the smallest workspace */
  bool any = false;
  int offered = 0, unwanted = 0;
  char last[TC_DNN_REASON] = "";   /* why the last one does not work */
};
} // namespace

/* An engine that rounds its inputs to 16 bits is never wanted, nor one that adds up in 16 bits: float32 would lose its range, sums their digits. */
static bool unwanted(cudnnBackendNumericalNote_t note, const tc_dnn_wish &wish) {
  return note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC || note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS ||
    note == CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION || (note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE && !wish.tensor_cores);
}

/* the notes of a configuration's engine; their number, or -1 */
enum { MOST_NOTES = CUDNN_NUMERICAL_NOTE_TYPE_COUNT };
static int64_t notes_of(const tc_dnn_descriptor &config, cudnnBackendNumericalNote_t *notes, tc_dnn_descriptor *engine) {
  engine->begin(CUDNN_BACKEND_ENGINE_DESCRIPTOR, "engine");
  cudnnBackendDescriptor_t into = engine->raw();
  if (config.read(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, &into, 1) != 1) return -1;
  return engine->get(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, notes, MOST_NOTES);
}

static bool wanted(const tc_dnn_descriptor &config, const tc_dnn_wish &wish) {
  tc_dnn_descriptor engine;
  cudnnBackendNumericalNote_t notes[MOST_NOTES];
  const int64_t n = notes_of(config, notes, &engine);
  for (int64_t i = 0; i < n; i++)
    if (unwanted(notes[i], wish)) return false;
  return n >= 0;
}

int tc_dnn_engine_of(const tc_dnn_plan &plan, int64_t *bits) {
  tc_dnn_descriptor engine;
  cudnnBackendNumericalNote_t notes[MOST_NOTES];
  const int64_t n = notes_of(plan.config, notes, &engine);
  int64_t number = -1;
  *bits = 0;
  for (int64_t i = 0; i < n; i++) *bits |= (int64_t)1 << notes[i];
  engine.get(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, &number, 1);
  return (int)number;
}

/* The engines for the graph in the order that a heuristic gives them; none where it cannot tell. */
static std::vector<tc_dnn_descriptor> offers(const tc_dnn_place &where, const tc_dnn_descriptor &graph, cudnnBackendHeurMode_t mode) {
  enum { MOST = 64 };
  std::vector<tc_dnn_descriptor> list;
  tc_dnn_descriptor judge;
  judge.begin(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, "heuristic");
  judge.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph).set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
  if (where.properties) judge.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *where.properties);
  int64_t n = judge.works() ? judge.read(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, nullptr, 0) : 0;
  if (n <= 0) return list;
  if (n > MOST) n = MOST;
  std::vector<cudnnBackendDescriptor_t> into;
  list.resize((size_t)n);
  for (tc_dnn_descriptor &config : list) into.push_back(config.begin(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, "engine's configuration").raw());
  n = judge.read(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, into.data(), n);
  list.resize((size_t)(n > 0 ? n : 0));
  return list;
}

/* Makes a plan of one engine. True ends the search. */
static bool try_one(search *s, tc_dnn_descriptor &config) {
  s->offered++;
  if (!wanted(config, s->wish)) return s->unwanted++, false;
  tc_dnn_plan p;
  p.config = static_cast<tc_dnn_descriptor &&>(config);
  p.plan.begin(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, "execution plan");
  if (s->where.handle) p.plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, s->where.handle);
  if (s->where.properties) p.plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *s->where.properties);
  p.plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, p.config);
  if (!p.plan.works()) return p.plan.reason(s->last), false;
  if (p.plan.get(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, &p.workspace, 1) != 1) return false;
  const bool fits = p.workspace <= s->wish.workspace;
  if (fits || !s->any || p.workspace < s->best->workspace) {
    s->best->plan.end(); /* before its configuration */
    *s->best = static_cast<tc_dnn_plan &&>(p);
  }
  s->any = true;
  return fits;
}

int tc_dnn_find_plan(const tc_dnn_place &where, const tc_dnn_descriptor &graph, const char *what, const tc_dnn_wish &wish, tc_dnn_plan *found) {
  search s = {where, graph, wish, found};
  for (cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
    for (tc_dnn_descriptor &config : offers(where, graph, mode))
      if (try_one(&s, config)) return TC_OK;
  if (s.any) return TC_OK;
  return tc_cuda_say(TC_DEVICE_ERROR, "cuDNN has no engine for this %s in %s: of %d offered %d are not deterministic or not precise enough, %d do not work%s%s",
                     what, tc_cuda_who(), s.offered, s.unwanted, s.offered - s.unwanted, *s.last ? ": " : "", s.last);
}

int tc_dnn_execute(cudnnHandle_t h, const tc_dnn_plan &plan, const int64_t *ids, void *const *data, int n) {
  tc_workspace room((size_t)plan.workspace);
  if (!room.data) return TC_NO_MEMORY;
  tc_dnn_descriptor pack;
  pack.begin(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, "pack of tensors");
  pack.list(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids, n).list(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, data, n).set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, room.data);
  const int s = pack.finish();
  return s == TC_OK ? tc_dnn_answer(DNN(cudnnBackendExecute)(h, plan.plan.raw(), pack.raw()), "cudnnBackendExecute") : s;
}
