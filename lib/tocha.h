/* tocha.h: the whole public surface of Tocha's C runtime, and the schema from which the Lua side is derived.
 *
 * Every function that Lua users see has a doc comment that begins with its signature in PyTorch's names and defaults:
 *
 *     /// sum(input, dim = nil, keepdim = false, *, dtype = nil)  The sum over all elements or over the given dims.
 *
 * The names stand for the C parameters in order; after a lone * they can be given by name only; `size...` also takes the numbers
 * one by one. Tags at the end: @inplace (also f_; `@inplace direct` if one
 * kernel is all there is to it, which then writes into its first argument), @method (a method only), @function (not a method), @alias NAMES, @in NAMESPACE,
 * @name NAME (when C needs another one), @only (for the library itself), @self (changes and gives its first
 * argument), @mutates (the in-place form alone). Functions without such a comment serve the binding alone.
 *
 * Rules of the C side:
 * - A returned tensor belongs to the current scope (tc_scope_begin); tc_keep() makes it outlive it.
 * - After an error every operator returns NULL until tc_clear_error(); NULL given for a required tensor yields NULL.
 * - Dims (tc_dim) count from 0 in C, from 1 in Lua. *Values* of index tensors and labels count from 1 everywhere.
 * - TC_NONE stands for an omitted tc_dim, int64_t, tc_dtype or tc_device; NULL for an omitted tensor, string or list.
 */
#ifndef TOCHA_H
#define TOCHA_H
#include <stdbool.h>
#include <stdint.h>
#define TC_NONE (-2147483647 - 1)
#pragma GCC visibility push(default)

typedef struct tc_tensor tc_tensor;
typedef struct tc_tensor tc_operand;       /* a tensor; from Lua also a number, which takes part in promotion weakly */
typedef struct tc_tensor tc_indices;       /* an int64 tensor of positions that count from 1; from Lua also a table */
typedef struct tc_generator tc_generator;  /* a stream of random numbers; NULL means the default one */
typedef int64_t tc_dim;                    /* a dimension; negative ones count from the end */
typedef int32_t tc_dtype;
typedef int32_t tc_device;                 /* 0 is the CPU, 1 + n is CUDA device n */
typedef int64_t tc_index;                  /* a position in a dim, from 0 in C and from 1 in Lua */
typedef struct tc_engine tc_engine;        /* one walk backwards through a graph */

/* ---- errors, scopes, memory, threads (lib/error.c, scope.c, alloc.c, device.c): for the binding ---- */
const char *tc_header(void);
const char *tc_version_text(void);
int32_t tc_find_key(const char *key);
const char *tc_key(int32_t i);
const char *tc_key_text(int32_t i);
int32_t tc_key_length(int32_t i);
bool tc_key_inplace(int32_t i);
const char *tc_error_text(void);
void tc_clear_error(void);
void tc_raise(const char *text);
void tc_interrupt(void);
bool tc_take_interrupt(void);
bool tc_interrupted(void);
void tc_interrupt_hold(bool on);
bool tc_interrupt_install(void);
void tc_interrupt_reset(void);
typedef struct tc_handle tc_handle;
double tc_handle_releases(void);
bool tc_hook_install(double ctype, bool gc64);
int luaopen_tocha_native(void *lua_state);
void *tc_lua_state(void);
void tc_handle_free(tc_handle *h);
bool tc_handle_set(tc_handle *h, tc_tensor *t);
bool tc_handle_alive(tc_handle *h);
int64_t tc_notes_open(void);
void tc_notes_hold(int64_t mark, tc_tensor *t);
void tc_notes_close(int64_t mark);
double tc_cuda_load(const char *path);
const char *tc_cuda_reason(void);
void tc_cuda_set_default(int device);
int tc_cuda_get_default(void);
double tc_cuda_live(void);
bool tc_is_pinned(tc_tensor *x);
bool tc_pressure_lasts(void);
void tc_pressure_reset(double lua_heap_bytes);
int64_t tc_scope_begin(void);
void tc_scope_end(int64_t mark);
tc_tensor *tc_keep(tc_tensor *t);
void tc_drop(tc_tensor *t);
double tc_live_tensors(void);
double tc_memory_live(void);
double tc_memory_peak(void);
double tc_memory_cached(void);
double tc_memory_system_calls(void);
double tc_memory_limit(void);
void tc_reset_peak_memory(void);
void tc_set_memory_limit(double bytes);
void tc_set_cache_cap(double bytes);
void tc_empty_cache(void);

/* ---- looking at graphs and memory (lib/inspect.c), saved-tensor hooks (lib/packing.c): for the binding ---- */
typedef struct tc_node tc_node;            /* an operator in a graph, or what adds into the grad of a leaf */
typedef struct tc_input {                  /* where an input of a node comes from */
  tc_node *node;
  int32_t index, dtype, ndim;
  const int64_t *size;
} tc_input;
typedef struct tc_memory_block {                  /* memory that is alive; only the first dims */
  double bytes;
  int32_t origin, dtype, ndim, device;
  int64_t size[6];
} tc_memory_block;
void tc_set_origin(int32_t number);
int32_t tc_get_origin(void);
int32_t tc_blamed(void);
void tc_watch_origins(bool on);
void tc_watch_nan(bool backward, bool forward);
int32_t tc_live_blocks(void);
const tc_memory_block *tc_live_block(int32_t i);
tc_node *tc_node_of(tc_tensor *x);
void tc_node_free(tc_node *n);
const char *tc_node_name(tc_node *n);
double tc_node_function(tc_node *n);
int32_t tc_node_inputs(tc_node *n);
int32_t tc_node_outputs(tc_node *n);
int32_t tc_node_origin(tc_node *n);
double tc_node_time(tc_node *n);
double tc_node_saved(tc_node *n);
bool tc_node_freed(tc_node *n);
bool tc_node_input(tc_node *n, int32_t i, tc_input *input);
tc_tensor *tc_node_leaf(tc_node *n);
double tc_node_hooks(tc_node *n, bool after);
const char *tc_writer_of(tc_tensor *x);
void tc_watch_saves(bool on);
tc_tensor *tc_pack_next(void);
void tc_pack_done(int32_t number);
int32_t tc_packed(tc_node *n, int32_t slot);
int32_t tc_pack_slots(tc_node *n);
bool tc_unpacked(tc_node *n, int32_t slot, tc_tensor *x);
tc_node *tc_engine_node(tc_engine *e);
bool tc_engine_reaches(tc_engine *e, tc_tensor *x);

/* ---- the profiler (lib/profile.c): for the binding. Times are nanoseconds since the start; inner_ is what nested events took ---- */
enum { TC_EVENT_OPERATOR, TC_EVENT_BACKWARD, TC_EVENT_RANGE, TC_EVENT_WALK };
typedef struct tc_event {
  const char *name, *shapes;
  int32_t kind, depth;
  int64_t begin, time, inner_time, bytes, inner_bytes;
} tc_event;
bool tc_profile_start(bool shapes);
double tc_profile_stop(void);
bool tc_profile_running(void);
double tc_profile_count(void);
const tc_event *tc_profile_event(int64_t i);
void tc_profile_forget(void);
void tc_profile_range(const char *name);
void tc_profile_range_end(void);

/// set_num_threads(num_threads)  How many threads operators may use. @function
void tc_set_num_threads(int64_t num_threads);
/// get_num_threads()  How many threads operators may use. @function
int64_t tc_get_num_threads(void);
const char *tc_cpu_level(void);
const char *tc_device_name(tc_device device);
tc_device tc_device_from_name(const char *name);
const char *tc_dtype_name(tc_dtype dtype);
int64_t tc_dtype_bytes(tc_dtype dtype);
tc_dtype tc_default_dtype(void);
void tc_set_default_dtype(tc_dtype dtype);
tc_device tc_get_default_device(void);
void tc_set_default_device(tc_device device);
bool tc_set_flush_denormal(bool on);
bool tc_inference_enabled(void);
bool tc_set_inference_enabled(bool on);
bool tc_is_inference(tc_tensor *x);
void tc_increment_version(tc_tensor *x);
tc_dtype tc_promote_types(tc_dtype a, tc_dtype b);
bool tc_can_cast(tc_dtype from, tc_dtype to);

/* ---- recording and replaying (lib/capture.c, lib/program.c): for the binding; see lib/tape.h ---- */
typedef struct tc_program tc_program;
bool tc_capturing(void);
int64_t tc_capture_count(bool updates);
bool tc_capture_begin(tc_tensor *const *inputs, int n);
void tc_capture_abort(void);
int32_t tc_capture_graph(tc_tensor *const *results, int n);
int64_t tc_capture_leaves(void);
tc_tensor *tc_capture_leaf(int64_t i);
tc_tensor *tc_capture_tangent(int64_t i);
bool tc_capture_slopes(tc_tensor *const *slopes, int n);
tc_program *tc_capture_end(tc_tensor *const *results, int n);
const char *tc_program_difference(tc_program *a, tc_program *b);
bool tc_program_build(tc_program *p);
int32_t tc_program_run(tc_program *p, tc_handle *const *inputs, int n, tc_handle *const *outputs, int n_outputs);
void tc_program_free(tc_program *p);
void tc_program_patch_begin(tc_program *p);
bool tc_program_patch_end(void);
/* updates of optimizers inside a device's graph (lib/updates.c) */
typedef struct tc_updates tc_updates;
tc_updates *tc_updates_begin(int device); /* NULL: an error is pending */
void tc_updates_stop(void);
int64_t tc_updates_count(tc_updates *u);
bool tc_updates_patch(tc_updates *u, bool on);
bool tc_updates_advance(tc_updates *u);
void tc_updates_free(tc_updates *u);
double tc_program_figure(tc_program *p, int64_t what);
int64_t tc_next_id(void);
int64_t tc_id(tc_tensor *x);
bool tc_graph_waits(tc_tensor *x);

/* ---- fields of tensors (lib/tensor.c, lib/autograd.c): for the binding; plain reads of a tensor that is alive ---- */
int64_t tc_ndim(tc_tensor *x);
tc_dtype tc_dtype_of(tc_tensor *x);
tc_device tc_device_of(tc_tensor *x);
const int64_t *tc_sizes_of(tc_tensor *x);
const int64_t *tc_strides_of(tc_tensor *x);
void *tc_data_of(tc_tensor *x);
void *tc_storage_data(tc_tensor *x);
bool tc_is_parameter(tc_tensor *x);
void tc_set_parameter(tc_tensor *x, bool on);
bool tc_get_requires_grad(tc_tensor *x);
const char *tc_grad_fn_name(tc_tensor *x);
tc_tensor *tc_grad_of(tc_tensor *x);
bool tc_set_grad(tc_tensor *x, tc_tensor *grad);
bool tc_set_data(tc_tensor *x, tc_tensor *y);
bool tc_shares_storage(tc_tensor *a, tc_tensor *b);
int64_t tc_storage_bytes(tc_tensor *x);
bool tc_is_leaf(tc_tensor *x);
int64_t tc_version(tc_tensor *x);
bool tc_read_doubles(tc_tensor *x, double *values);
bool tc_read_pairs(tc_tensor *x, double *values);
bool tc_read_int64s(tc_tensor *x, int64_t *values);
/// numel(input)  The number of elements. @alias nelement
int64_t tc_numel(tc_tensor *input);
/// storage_offset(input)  Where the tensor begins in its storage, in elements. @method
int64_t tc_storage_offset(tc_tensor *input);
/// is_contiguous(input, memory_format = 'contiguous_format')  Do the elements lie row by row without gaps ('channels_last', 'channels_last_3d': with the channels together)? @method @name is_contiguous
bool tc_is_contiguous_in(tc_tensor *input, const char *memory_format);
bool tc_is_contiguous(tc_tensor *input);
/// element_size(input)  The bytes of one element. @method
int64_t tc_element_size(tc_tensor *input);

/* ---- autograd (lib/autograd.c, lib/engine.c): for the binding ---- */
bool tc_grad_enabled(void);
bool tc_set_grad_enabled(bool on);
/// requires_grad_(input, requires_grad = true)  Makes a leaf require grad, or stop to; gives the tensor. @method @self
tc_tensor *tc_requires_grad(tc_tensor *input, bool requires_grad);
/// detach(input)  The same values outside the graph.
tc_tensor *tc_detach(tc_tensor *input);
/// detach_(input)  Takes the tensor out of the graph. @method @self
tc_tensor *tc_detach_(tc_tensor *input);
bool tc_retain_grad(tc_tensor *x);
bool tc_lua_node(int64_t number, tc_tensor *const *ins, int n_ins, tc_tensor *const *outs, int n_outs);
double tc_hook_number(tc_tensor *x);
int64_t tc_output_index(tc_tensor *x);
double tc_next_dropped(void);
tc_engine *tc_engine_new(bool keep_graph, bool create_graph);
void tc_engine_free(tc_engine *e);
bool tc_engine_root(tc_engine *e, tc_tensor *x, tc_tensor *g);
bool tc_engine_capture(tc_engine *e, tc_tensor *x);
bool tc_engine_capture_edge(tc_engine *e, tc_node *n, int32_t index);
bool tc_engine_aim(tc_engine *e);
int32_t tc_engine_step(tc_engine *e);
double tc_engine_hooks(tc_engine *e);
double tc_engine_function(tc_engine *e);
int64_t tc_engine_outputs(tc_engine *e);
int64_t tc_engine_inputs(tc_engine *e);
bool tc_engine_needs(tc_engine *e, int64_t i);
tc_tensor *tc_engine_gradient(tc_engine *e, int64_t i);
bool tc_engine_replace(tc_engine *e, int64_t i, tc_tensor *g);
bool tc_engine_give(tc_engine *e, int64_t i, tc_tensor *g);
tc_tensor *tc_engine_leaf(tc_engine *e);
tc_tensor *tc_engine_result(tc_engine *e, int64_t i);
bool tc_engine_change(tc_engine *e, int64_t i, tc_tensor *g);
tc_tensor *tc_engine_captured(tc_engine *e, int64_t i);
tc_tensor *tc_engine_output(tc_engine *e, tc_tensor *saved, int64_t i);

/* ---- mixed precision (lib/amp.c): for the binding; dtype TC_NONE switches it off for that kind of device ---- */
void tc_set_autocast(bool cuda, tc_dtype dtype);
tc_dtype tc_get_autocast(bool cuda);

/* ---- creation (lib/ops/create.c) ---- */
/// empty(size..., *, dtype = nil, device = nil, requires_grad = false)  A tensor whose values are not set. @function
tc_tensor *tc_empty(const int64_t *size, int n_size, tc_dtype dtype, tc_device device, bool requires_grad);
/// zeros(size..., *, dtype = nil, device = nil, requires_grad = false)  Zeros. @function
tc_tensor *tc_zeros(const int64_t *size, int n_size, tc_dtype dtype, tc_device device, bool requires_grad);
/// ones(size..., *, dtype = nil, device = nil, requires_grad = false)  Ones. @function
tc_tensor *tc_ones(const int64_t *size, int n_size, tc_dtype dtype, tc_device device, bool requires_grad);
/// full(size, fill_value, *, dtype = nil, device = nil, requires_grad = false)  Every element is fill_value. @function
tc_tensor *tc_full(const int64_t *size, int n_size, tc_operand *fill_value, tc_dtype dtype, tc_device device, bool requires_grad);
/// empty_like(input, *, dtype = nil, device = nil, requires_grad = false)  A tensor of input's shape whose values are not set. @function
tc_tensor *tc_empty_like(tc_tensor *input, tc_dtype dtype, tc_device device, bool requires_grad);
/// zeros_like(input, *, dtype = nil, device = nil, requires_grad = false)  Zeros of input's shape. @function
tc_tensor *tc_zeros_like(tc_tensor *input, tc_dtype dtype, tc_device device, bool requires_grad);
/// ones_like(input, *, dtype = nil, device = nil, requires_grad = false)  Ones of input's shape. @function
tc_tensor *tc_ones_like(tc_tensor *input, tc_dtype dtype, tc_device device, bool requires_grad);
/// full_like(input, fill_value, *, dtype = nil, device = nil, requires_grad = false)  A constant of input's shape. @function
tc_tensor *tc_full_like(tc_tensor *input, tc_operand *fill_value, tc_dtype dtype, tc_device device, bool requires_grad);
/// new_empty(input, size..., *, dtype = nil, device = nil, requires_grad = false)  empty of input's dtype and device. @method
tc_tensor *tc_new_empty(tc_tensor *input, const int64_t *size, int n_size, tc_dtype dtype, tc_device device, bool requires_grad);
/// new_zeros(input, size..., *, dtype = nil, device = nil, requires_grad = false)  zeros of input's dtype and device. @method
tc_tensor *tc_new_zeros(tc_tensor *input, const int64_t *size, int n_size, tc_dtype dtype, tc_device device, bool requires_grad);
/// new_ones(input, size..., *, dtype = nil, device = nil, requires_grad = false)  ones of input's dtype and device. @method
tc_tensor *tc_new_ones(tc_tensor *input, const int64_t *size, int n_size, tc_dtype dtype, tc_device device, bool requires_grad);
/// new_full(input, size, fill_value, *, dtype = nil, device = nil, requires_grad = false)  full of input's dtype and device. @method
tc_tensor *tc_new_full(tc_tensor *input, const int64_t *size, int n_size, tc_operand *fill_value, tc_dtype dtype, tc_device device, bool requires_grad);
tc_tensor *tc_arange(double start, double end, double step, tc_dtype dtype, tc_device device, bool requires_grad);
/// range(start, end, step = 1, *, dtype = nil, device = nil, requires_grad = false)  start, start + step, ... up to and with end. @function
tc_tensor *tc_range(double start, double end, double step, tc_dtype dtype, tc_device device, bool requires_grad);
/// linspace(start, end, steps, *, dtype = nil, device = nil, requires_grad = false)  steps values from start to end, both exact. @function
tc_tensor *tc_linspace(double start, double end, int64_t steps, tc_dtype dtype, tc_device device, bool requires_grad);
/// logspace(start, end, steps, base = 10, *, dtype = nil, device = nil, requires_grad = false)  base to the power of linspace. @function
tc_tensor *tc_logspace(double start, double end, int64_t steps, double base, tc_dtype dtype, tc_device device, bool requires_grad);
/// eye(n, m = nil, *, dtype = nil, device = nil, requires_grad = false)  Ones on the diagonal of an n x m matrix. @function
tc_tensor *tc_eye(int64_t n, int64_t m, tc_dtype dtype, tc_device device, bool requires_grad);
tc_tensor *tc_from_doubles(const double *values, int64_t count, const int64_t *size, int n_size, tc_dtype dtype, tc_device device, bool requires_grad);
tc_tensor *tc_from_bytes(const void *bytes, int64_t count, const int64_t *size, int n_size, tc_dtype dtype);
/// fill_(input, value)  Every element becomes value. @method @mutates
tc_tensor *tc_fill(tc_tensor *input, tc_operand *value);
/// zero_(input)  Every element becomes 0. @method @mutates
tc_tensor *tc_zero(tc_tensor *input);

/* ---- copies and conversions (lib/ops/convert.c) ---- */
/// pin_memory(input)  The same values in host memory that GPUs copy from and to by themselves (x:to('cuda', {non_blocking = true})); input itself if it is there already. @method
tc_tensor *tc_pin_memory(tc_tensor *input);
/// clone(input, *, memory_format = 'contiguous_format')  A copy, row-major unless memory_format says 'channels_last' or 'channels_last_3d'. @name clone
tc_tensor *tc_clone_in(tc_tensor *input, const char *memory_format);
tc_tensor *tc_clone(tc_tensor *input);
/// contiguous(input, memory_format = 'contiguous_format')  The tensor itself if its elements lie row by row, else a copy. 'channels_last' (of 4 dims) and 'channels_last_3d' (of 5) mean an order in memory with the channels, dim 2, together. @method @name contiguous
tc_tensor *tc_contiguous_in(tc_tensor *input, const char *memory_format);
tc_tensor *tc_contiguous(tc_tensor *input);
void tc_set_non_blocking(bool on);
tc_tensor *tc_to(tc_tensor *x, tc_dtype dtype, tc_device device, bool copy);
/// copy_(input, src)  Takes over the values of src, converted and broadcast. @method @mutates
tc_tensor *tc_copy(tc_tensor *input, tc_tensor *src);

/* ---- views (lib/ops/view.c) ---- */
/// select(input, dim, index)  The sub-tensor at one index of dim, without that dim.
tc_tensor *tc_select(tc_tensor *input, tc_dim dim, tc_index index);
/// narrow(input, dim, start, length)  length places of dim from start.
tc_tensor *tc_narrow(tc_tensor *input, tc_dim dim, tc_index start, int64_t length);
/// slice(input, dim, first, last, step = 1)  The places first, first + step, ... up to last of a dim. @only
tc_tensor *tc_slice(tc_tensor *input, tc_dim dim, tc_index first, tc_index last, int64_t step);
/// diagonal(input, offset = 0, dim1 = 1, dim2 = 2)  The diagonal over two dims, as the last dim.
tc_tensor *tc_diagonal(tc_tensor *input, int64_t offset, tc_dim dim1, tc_dim dim2);
/// unfold(input, dimension, size, step)  All windows of size places along a dim, step apart, in a new last dim. @method
tc_tensor *tc_unfold(tc_tensor *input, tc_dim dimension, int64_t size, int64_t step);
/// permute(input, dims...)  The dims in another order.
tc_tensor *tc_permute(tc_tensor *input, const tc_dim *dims, int n_dims);
/// transpose(input, dim0, dim1)  Two dims exchanged. @alias swapaxes swapdims
tc_tensor *tc_transpose(tc_tensor *input, tc_dim dim0, tc_dim dim1);
/// t(input)  The transpose of a matrix.
tc_tensor *tc_t(tc_tensor *input);
/// movedim(input, source, destination)  Dims moved to other places. @alias moveaxis
tc_tensor *tc_movedim(tc_tensor *input, const tc_dim *source, int n_source, const tc_dim *destination, int n_destination);
/// view(input, size...)  The same elements in another shape; one size may be -1. An error if that needs a copy. @method @name view
tc_tensor *tc_view_shape(tc_tensor *input, const int64_t *size, int n_size);
/// view_dtype(input, dtype)  The same bytes as numbers of another dtype, which `x:view(dtype)` means as well; the last dim grows or shrinks with their size. Outside the graph. @method
tc_tensor *tc_view_dtype(tc_tensor *input, tc_dtype dtype);
/// reshape(input, shape...)  The same elements in another shape, copied only if need be.
tc_tensor *tc_reshape(tc_tensor *input, const int64_t *shape, int n_shape);
/// flatten(input, start_dim = 1, end_dim = -1)  The dims from start_dim to end_dim as one.
tc_tensor *tc_flatten(tc_tensor *input, tc_dim start_dim, tc_dim end_dim);
/// unflatten(input, dim, sizes)  One dim as several.
tc_tensor *tc_unflatten(tc_tensor *input, tc_dim dim, const int64_t *sizes, int n_sizes);
/// squeeze(input, dim = nil)  Without dims of size 1: all, or those given.
tc_tensor *tc_squeeze(tc_tensor *input, const tc_dim *dim, int n_dim);
/// unsqueeze(input, dim)  With a new dim of size 1.
tc_tensor *tc_unsqueeze(tc_tensor *input, tc_dim dim);
/// expand(input, size...)  Dims of size 1 repeated without a copy; -1 keeps a size. @method
tc_tensor *tc_expand(tc_tensor *input, const int64_t *size, int n_size);
/// as_strided(input, size, stride, storage_offset = nil)  The storage seen with any sizes and strides.
tc_tensor *tc_as_strided(tc_tensor *input, const int64_t *size, int n_size, const int64_t *stride, int n_stride, int64_t storage_offset);
tc_tensor *tc_window(tc_tensor *x, const int64_t *size, int n_size, const int64_t *stride, int n_stride, int64_t offset);
tc_tensor *tc_window_add(tc_tensor *g, const int64_t *whole, int n_whole, const int64_t *size, int n_size, const int64_t *stride, int n_stride, int64_t offset);

/* ---- pointwise (kernels/scalar.h, lib/ops/pointwise.c, arithmetic.c, elementary.c, compare.c) ---- */
/// neg(input)  Each element's negative. @inplace direct @alias negative
tc_tensor *tc_neg(tc_tensor *input);
/// abs(input)  The absolute value. @inplace direct @alias absolute
tc_tensor *tc_abs(tc_tensor *input);
/// sign(input)  -1, 0 or 1 by the sign. @inplace direct
tc_tensor *tc_sign(tc_tensor *input);
/// square(input)  x * x. @inplace direct
tc_tensor *tc_square(tc_tensor *input);
/// reciprocal(input)  1 / x. @inplace direct
tc_tensor *tc_reciprocal(tc_tensor *input);
/// sqrt(input)  The square root. @inplace direct
tc_tensor *tc_sqrt(tc_tensor *input);
/// rsqrt(input)  1 / sqrt(x). @inplace direct
tc_tensor *tc_rsqrt(tc_tensor *input);
/// floor(input)  The largest integer not above x. @inplace direct
tc_tensor *tc_floor(tc_tensor *input);
/// ceil(input)  The smallest integer not below x. @inplace direct
tc_tensor *tc_ceil(tc_tensor *input);
/// trunc(input)  The integer part. @inplace direct @alias fix
tc_tensor *tc_trunc(tc_tensor *input);
/// frac(input)  x - trunc(x). @inplace direct
tc_tensor *tc_frac(tc_tensor *input);
/// exp(input)  e to the power of x. @inplace direct
tc_tensor *tc_exp(tc_tensor *input);
/// exp2(input)  2 to the power of x. @inplace direct @in special
tc_tensor *tc_exp2(tc_tensor *input);
/// expm1(input)  exp(x) - 1, exact near 0. @inplace direct @in special
tc_tensor *tc_expm1(tc_tensor *input);
/// log(input)  The natural logarithm. @inplace direct
tc_tensor *tc_log(tc_tensor *input);
/// log2(input)  The logarithm to base 2. @inplace direct
tc_tensor *tc_log2(tc_tensor *input);
/// log10(input)  The logarithm to base 10. @inplace direct
tc_tensor *tc_log10(tc_tensor *input);
/// log1p(input)  log(1 + x), exact near 0. @inplace direct @in special
tc_tensor *tc_log1p(tc_tensor *input);
/// sin(input)  The sine of x in radians. @inplace direct
tc_tensor *tc_sin(tc_tensor *input);
/// cos(input)  The cosine of x in radians. @inplace direct
tc_tensor *tc_cos(tc_tensor *input);
/// tan(input)  The tangent of x in radians. @inplace direct
tc_tensor *tc_tan(tc_tensor *input);
/// asin(input)  The inverse sine. @inplace direct @alias arcsin
tc_tensor *tc_asin(tc_tensor *input);
/// acos(input)  The inverse cosine. @inplace direct @alias arccos
tc_tensor *tc_acos(tc_tensor *input);
/// atan(input)  The inverse tangent. @inplace direct @alias arctan
tc_tensor *tc_atan(tc_tensor *input);
/// sinh(input)  The hyperbolic sine. @inplace direct
tc_tensor *tc_sinh(tc_tensor *input);
/// cosh(input)  The hyperbolic cosine. @inplace direct
tc_tensor *tc_cosh(tc_tensor *input);
/// tanh(input)  The hyperbolic tangent. @inplace direct @in F
tc_tensor *tc_tanh(tc_tensor *input);
/// asinh(input)  The inverse hyperbolic sine. @inplace direct @alias arcsinh
tc_tensor *tc_asinh(tc_tensor *input);
/// acosh(input)  The inverse hyperbolic cosine. @inplace direct @alias arccosh
tc_tensor *tc_acosh(tc_tensor *input);
/// atanh(input)  The inverse hyperbolic tangent. @inplace direct @alias arctanh
tc_tensor *tc_atanh(tc_tensor *input);
/// erf(input)  The error function. @inplace direct @in special
tc_tensor *tc_erf(tc_tensor *input);
/// erfc(input)  1 - erf(x), exact for large x. @inplace direct @in special
tc_tensor *tc_erfc(tc_tensor *input);
/// lgamma(input)  The logarithm of the absolute value of the gamma function. @inplace direct
tc_tensor *tc_lgamma(tc_tensor *input);
/// digamma(input)  The derivative of lgamma. @inplace direct @in special
tc_tensor *tc_digamma(tc_tensor *input);
/// sigmoid(input)  1 / (1 + exp(-x)). @inplace direct @in F
tc_tensor *tc_sigmoid(tc_tensor *input);
/// deg2rad(input)  Degrees as radians. @inplace direct
tc_tensor *tc_deg2rad(tc_tensor *input);
/// rad2deg(input)  Radians as degrees. @inplace direct
tc_tensor *tc_rad2deg(tc_tensor *input);
/// sinc(input)  sin(pi x) / (pi x), 1 at 0. @inplace direct @in special
tc_tensor *tc_sinc(tc_tensor *input);
/// bitwise_not(input)  Each bit of integers flipped; logical for bool. @inplace direct
tc_tensor *tc_bitwise_not(tc_tensor *input);
/// logical_not(input)  Is the element 0? @inplace direct
tc_tensor *tc_logical_not(tc_tensor *input);
/// isnan(input)  Is the element not a number?
tc_tensor *tc_isnan(tc_tensor *input);
/// isinf(input)  Is the element infinite?
tc_tensor *tc_isinf(tc_tensor *input);
/// isfinite(input)  Is the element neither infinite nor nan?
tc_tensor *tc_isfinite(tc_tensor *input);
/// isposinf(input)  Is the element plus infinity?
tc_tensor *tc_isposinf(tc_tensor *input);
/// isneginf(input)  Is the element minus infinity?
tc_tensor *tc_isneginf(tc_tensor *input);
/// signbit(input)  Is the sign bit set?
tc_tensor *tc_signbit(tc_tensor *input);
/// round(input, decimals = 0)  The nearest integer, halves to even; or to so many decimals. @inplace @in special
tc_tensor *tc_round(tc_tensor *input, int64_t decimals);
/// nan_to_num(input, nan = 0, posinf = nil, neginf = nil)  nan and infinities replaced; by the dtype's largest numbers unless given. @inplace direct
tc_tensor *tc_nan_to_num(tc_tensor *input, double nan, tc_operand *posinf, tc_operand *neginf);
/// polygamma(n, input)  The n-th derivative of digamma. @function @in special
tc_tensor *tc_polygamma(int64_t n, tc_tensor *input);
/// positive(input)  The tensor itself; not for bool.
tc_tensor *tc_positive(tc_tensor *input);
/// add(input, other, *, alpha = 1)  input + alpha * other. @inplace direct
tc_tensor *tc_add(tc_operand *input, tc_operand *other, double alpha);
/// sub(input, other, *, alpha = 1)  input - alpha * other. @inplace direct @alias subtract
tc_tensor *tc_sub(tc_operand *input, tc_operand *other, double alpha);
/// rsub(input, other, *, alpha = 1)  other - alpha * input. @function
tc_tensor *tc_rsub(tc_operand *input, tc_operand *other, double alpha);
/// mul(input, other)  The product. @inplace direct @alias multiply
tc_tensor *tc_mul(tc_operand *input, tc_operand *other);
/// div(input, other, *, rounding_mode = nil)  The quotient; 'trunc' and 'floor' round it. @inplace direct @alias divide
tc_tensor *tc_div(tc_operand *input, tc_operand *other, const char *rounding_mode);
/// true_divide(input, other)  The quotient, floating for integers too. @inplace direct
tc_tensor *tc_true_divide(tc_operand *input, tc_operand *other);
/// floor_divide(input, other)  The quotient rounded towards minus infinity. @inplace direct
tc_tensor *tc_floor_divide(tc_operand *input, tc_operand *other);
/// remainder(input, other)  What floor_divide leaves: it has the sign of other. @inplace direct
tc_tensor *tc_remainder(tc_operand *input, tc_operand *other);
/// fmod(input, other)  What division towards zero leaves: it has the sign of input. @inplace direct
tc_tensor *tc_fmod(tc_operand *input, tc_operand *other);
/// pow(input, exponent)  input to the power of exponent. @inplace direct
tc_tensor *tc_pow(tc_operand *input, tc_operand *exponent);
/// float_power(input, exponent)  The power, in float64. 
tc_tensor *tc_float_power(tc_operand *input, tc_operand *exponent);
/// maximum(input, other)  The larger element; nan if either is.
tc_tensor *tc_maximum(tc_operand *input, tc_operand *other);
/// minimum(input, other)  The smaller element; nan if either is.
tc_tensor *tc_minimum(tc_operand *input, tc_operand *other);
/// fmax(input, other)  The larger element; the other one where one is nan.
tc_tensor *tc_fmax(tc_operand *input, tc_operand *other);
/// fmin(input, other)  The smaller element; the other one where one is nan.
tc_tensor *tc_fmin(tc_operand *input, tc_operand *other);
/// atan2(input, other)  The angle of the point (other, input). @inplace direct @alias arctan2
tc_tensor *tc_atan2(tc_operand *input, tc_operand *other);
/// hypot(input, other)  sqrt(input^2 + other^2). @inplace direct
tc_tensor *tc_hypot(tc_operand *input, tc_operand *other);
/// copysign(input, other)  The magnitude of input with the sign of other. @inplace direct
tc_tensor *tc_copysign(tc_operand *input, tc_operand *other);
/// nextafter(input, other)  The next floating number after input towards other. @inplace direct
tc_tensor *tc_nextafter(tc_operand *input, tc_operand *other);
/// logaddexp(input, other)  log(exp(input) + exp(other)), without overflow.
tc_tensor *tc_logaddexp(tc_operand *input, tc_operand *other);
/// logaddexp2(input, other)  log2(2^input + 2^other), without overflow.
tc_tensor *tc_logaddexp2(tc_operand *input, tc_operand *other);
/// xlogy(input, other)  input * log(other), 0 where input is 0. @inplace direct @in special
tc_tensor *tc_xlogy(tc_operand *input, tc_operand *other);
/// heaviside(input, values)  0, values or 1 where input is below, at or above 0. @inplace direct
tc_tensor *tc_heaviside(tc_operand *input, tc_operand *values);
/// ldexp(input, other)  input * 2^other. @inplace
tc_tensor *tc_ldexp(tc_operand *input, tc_operand *other);
/// gcd(input, other)  The greatest common divisor. @inplace direct
tc_tensor *tc_gcd(tc_operand *input, tc_operand *other);
/// lcm(input, other)  The least common multiple. @inplace direct
tc_tensor *tc_lcm(tc_operand *input, tc_operand *other);
/// bitwise_and(input, other)  The bits set in both. @inplace direct
tc_tensor *tc_bitwise_and(tc_operand *input, tc_operand *other);
/// bitwise_or(input, other)  The bits set in either. @inplace direct
tc_tensor *tc_bitwise_or(tc_operand *input, tc_operand *other);
/// bitwise_xor(input, other)  The bits set in one alone. @inplace direct
tc_tensor *tc_bitwise_xor(tc_operand *input, tc_operand *other);
/// bitwise_left_shift(input, other)  The bits moved up. @inplace direct
tc_tensor *tc_bitwise_left_shift(tc_operand *input, tc_operand *other);
/// bitwise_right_shift(input, other)  The bits moved down, the sign kept. @inplace direct
tc_tensor *tc_bitwise_right_shift(tc_operand *input, tc_operand *other);
/// eq(input, other)  Are the elements equal? @inplace direct
tc_tensor *tc_eq(tc_operand *input, tc_operand *other);
/// ne(input, other)  Do the elements differ? @inplace direct @alias not_equal
tc_tensor *tc_ne(tc_operand *input, tc_operand *other);
/// lt(input, other)  Is input below other? @inplace direct @alias less
tc_tensor *tc_lt(tc_operand *input, tc_operand *other);
/// le(input, other)  Is input below or equal to other? @inplace direct @alias less_equal
tc_tensor *tc_le(tc_operand *input, tc_operand *other);
/// gt(input, other)  Is input above other? @inplace direct @alias greater
tc_tensor *tc_gt(tc_operand *input, tc_operand *other);
/// ge(input, other)  Is input above or equal to other? @inplace direct @alias greater_equal
tc_tensor *tc_ge(tc_operand *input, tc_operand *other);
/// logical_and(input, other)  Are both other than 0? @inplace direct
tc_tensor *tc_logical_and(tc_operand *input, tc_operand *other);
/// logical_or(input, other)  Is either other than 0? @inplace direct
tc_tensor *tc_logical_or(tc_operand *input, tc_operand *other);
/// logical_xor(input, other)  Is one alone other than 0? @inplace direct
tc_tensor *tc_logical_xor(tc_operand *input, tc_operand *other);
/// isclose(input, other, rtol = 1e-5, atol = 1e-8, equal_nan = false)  Is |input - other| <= atol + rtol |other|?
tc_tensor *tc_isclose(tc_operand *input, tc_operand *other, double rtol, double atol, bool equal_nan);
/// where(condition, input, other)  input where condition holds, else other. @function
tc_tensor *tc_where(tc_tensor *condition, tc_operand *input, tc_operand *other);
/// clamp(input, min = nil, max = nil)  Elements below min become min, those above max become max. @inplace direct @alias clip
tc_tensor *tc_clamp(tc_tensor *input, tc_operand *min, tc_operand *max);
/// clamp_min(input, min)  Elements below min become min. @inplace direct
tc_tensor *tc_clamp_min(tc_tensor *input, tc_operand *min);
/// clamp_max(input, max)  Elements above max become max. @inplace direct
tc_tensor *tc_clamp_max(tc_tensor *input, tc_operand *max);
/// lerp(input, end, weight)  input + weight * (end - input). @inplace direct
tc_tensor *tc_lerp(tc_tensor *input, tc_tensor *end, tc_operand *weight);
/// addcmul(input, tensor1, tensor2, *, value = 1)  input + value * tensor1 * tensor2. @inplace direct
tc_tensor *tc_addcmul(tc_tensor *input, tc_tensor *tensor1, tc_tensor *tensor2, double value);
/// addcdiv(input, tensor1, tensor2, *, value = 1)  input + value * tensor1 / tensor2. @inplace direct
tc_tensor *tc_addcdiv(tc_tensor *input, tc_tensor *tensor1, tc_tensor *tensor2, double value);
/// logit(input, eps = nil)  log(x / (1 - x)), x first clamped to eps..1-eps. @inplace @in special
tc_tensor *tc_logit(tc_tensor *input, tc_operand *eps);
tc_tensor *tc_mul_zero(tc_tensor *a, tc_tensor *b);
tc_tensor *tc_div_zero(tc_tensor *a, tc_tensor *b);

/* ---- activations (lib/ops/activation_pointwise.c) ---- */
/// relu(input)  max(x, 0). @inplace direct @in F
tc_tensor *tc_relu(tc_tensor *input);
/// leaky_relu(input, negative_slope = 0.01)  x above 0, negative_slope * x below. @inplace direct @function @in F
tc_tensor *tc_leaky_relu(tc_tensor *input, double negative_slope);
/// elu(input, alpha = 1)  x above 0, alpha * (exp(x) - 1) below. @inplace direct @function @in F
tc_tensor *tc_elu(tc_tensor *input, double alpha);
/// celu(input, alpha = 1)  x above 0, alpha * (exp(x / alpha) - 1) below. @inplace direct @function @in F
tc_tensor *tc_celu(tc_tensor *input, double alpha);
/// selu(input)  elu with the scale that keeps mean 0 and variance 1. @inplace direct @function @in F
tc_tensor *tc_selu(tc_tensor *input);
/// gelu(input, *, approximate = 'none')  x times the normal distribution function at x; 'tanh' approximates it. @function @in F
tc_tensor *tc_gelu(tc_tensor *input, const char *approximate);
/// silu(input)  x * sigmoid(x). @inplace direct @function @in F
tc_tensor *tc_silu(tc_tensor *input);
/// mish(input)  x * tanh(softplus(x)). @function @in F
tc_tensor *tc_mish(tc_tensor *input);
/// softplus(input, beta = 1, threshold = 20)  log(1 + exp(beta x)) / beta; x where beta x exceeds threshold. @function @in F
tc_tensor *tc_softplus(tc_tensor *input, double beta, double threshold);
/// logsigmoid(input)  log(sigmoid(x)). @function @in F
tc_tensor *tc_logsigmoid(tc_tensor *input);
/// softsign(input)  x / (1 + |x|). @function @in F
tc_tensor *tc_softsign(tc_tensor *input);
/// tanhshrink(input)  x - tanh(x). @function @in F
tc_tensor *tc_tanhshrink(tc_tensor *input);
/// hardtanh(input, min_val = -1, max_val = 1)  x within min_val..max_val. @inplace direct @function @in F
tc_tensor *tc_hardtanh(tc_tensor *input, double min_val, double max_val);
/// relu6(input)  x within 0..6. @inplace direct @function @in F
tc_tensor *tc_relu6(tc_tensor *input);
/// hardsigmoid(input)  x / 6 + 1/2 within 0..1. @function @in F
tc_tensor *tc_hardsigmoid(tc_tensor *input);
/// hardswish(input)  x * hardsigmoid(x). @function @in F
tc_tensor *tc_hardswish(tc_tensor *input);
/// hardshrink(input, lambd = 0.5)  0 where |x| <= lambd, else x. @function @in F
tc_tensor *tc_hardshrink(tc_tensor *input, double lambd);
/// softshrink(input, lambd = 0.5)  x moved towards 0 by lambd. @function @in F
tc_tensor *tc_softshrink(tc_tensor *input, double lambd);
/// threshold(input, threshold, value)  x above threshold, else value. @inplace direct @function @in F
tc_tensor *tc_threshold(tc_tensor *input, double threshold, double value);
tc_tensor *tc_tanh_grad(tc_tensor *g, tc_tensor *y);
tc_tensor *tc_sigmoid_grad(tc_tensor *g, tc_tensor *y);
tc_tensor *tc_relu_grad(tc_tensor *g, tc_tensor *y);
tc_tensor *tc_gelu_grad(tc_tensor *g, tc_tensor *x);
tc_tensor *tc_gelu_tanh_grad(tc_tensor *g, tc_tensor *x);
tc_tensor *tc_silu_grad(tc_tensor *g, tc_tensor *x);


/* ---- reductions, scans, sorting (lib/ops/reduce.c, reduce_arg.c, variance.c, vector_norm.c, scan.c, sort.c, search.c, statistics.c, cdist.c) ---- */
/// sum(input, dim = nil, keepdim = false, *, dtype = nil)  The sum over all elements or over the given dims. Integers and bool give int64.
tc_tensor *tc_sum(tc_tensor *input, const tc_dim *dim, int n_dim, bool keepdim, tc_dtype dtype);
/// nansum(input, dim = nil, keepdim = false, *, dtype = nil)  The sum without NaN.
tc_tensor *tc_nansum(tc_tensor *input, const tc_dim *dim, int n_dim, bool keepdim, tc_dtype dtype);
/// mean(input, dim = nil, keepdim = false, *, dtype = nil)  The mean over all elements or over the given dims.
tc_tensor *tc_mean(tc_tensor *input, const tc_dim *dim, int n_dim, bool keepdim, tc_dtype dtype);
/// nanmean(input, dim = nil, keepdim = false, *, dtype = nil)  The mean of what is not NaN.
tc_tensor *tc_nanmean(tc_tensor *input, const tc_dim *dim, int n_dim, bool keepdim, tc_dtype dtype);
/// prod(input, dim = nil, keepdim = false, *, dtype = nil)  The product over all elements or over one dim. Integers and bool give int64.
tc_tensor *tc_prod(tc_tensor *input, tc_dim dim, bool keepdim, tc_dtype dtype);
/// amax(input, dim = nil, keepdim = false)  The largest value; NaN if there is one. Ties share the gradient.
tc_tensor *tc_amax(tc_tensor *input, const tc_dim *dim, int n_dim, bool keepdim);
/// amin(input, dim = nil, keepdim = false)  The smallest value; NaN if there is one. Ties share the gradient.
tc_tensor *tc_amin(tc_tensor *input, const tc_dim *dim, int n_dim, bool keepdim);
/// aminmax(input, *, dim = nil, keepdim = false)  The smallest and the largest value.
tc_tensor *tc_aminmax(tc_tensor *input, tc_dim dim, bool keepdim, tc_tensor **max);
/// max_all(input)  The largest of all elements.
tc_tensor *tc_max_all(tc_tensor *input);
/// min_all(input)  The smallest of all elements.
tc_tensor *tc_min_all(tc_tensor *input);
/// max_dim(input, dim, keepdim = false)  The largest values along dim, and where they are (the first of equal ones).
tc_tensor *tc_max_dim(tc_tensor *input, tc_dim dim, bool keepdim, tc_tensor **indices);
/// min_dim(input, dim, keepdim = false)  The smallest values along dim, and where they are (the first of equal ones).
tc_tensor *tc_min_dim(tc_tensor *input, tc_dim dim, bool keepdim, tc_tensor **indices);
/// argmax(input, dim = nil, keepdim = false)  The position of the largest value, along dim or among all elements in their order.
tc_tensor *tc_argmax(tc_tensor *input, tc_dim dim, bool keepdim);
/// argmin(input, dim = nil, keepdim = false)  The position of the smallest value, along dim or among all elements in their order.
tc_tensor *tc_argmin(tc_tensor *input, tc_dim dim, bool keepdim);
/// any(input, dim = nil, keepdim = false)  Is any element true, that is, not 0?
tc_tensor *tc_any(tc_tensor *input, const tc_dim *dim, int n_dim, bool keepdim);
/// all(input, dim = nil, keepdim = false)  Are all elements true, that is, not 0?
tc_tensor *tc_all(tc_tensor *input, const tc_dim *dim, int n_dim, bool keepdim);
/// count_nonzero(input, dim = nil)  How many elements are not 0.
tc_tensor *tc_count_nonzero(tc_tensor *input, const tc_dim *dim, int n_dim);
/// var(input, dim = nil, unbiased = true, keepdim = false, *, correction = nil)  The variance over dims. correction (1 if unbiased) is taken from the count.
tc_tensor *tc_var(tc_tensor *input, const tc_dim *dim, int n_dim, bool unbiased, bool keepdim, double correction);
/// std(input, dim = nil, unbiased = true, keepdim = false, *, correction = nil)  The standard deviation over dims. correction (1 if unbiased) is taken from the count.
tc_tensor *tc_std(tc_tensor *input, const tc_dim *dim, int n_dim, bool unbiased, bool keepdim, double correction);
/// var_mean(input, dim = nil, unbiased = true, keepdim = false, *, correction = nil)  The variance and the mean over dims. correction (1 if unbiased) is taken from the count.
tc_tensor *tc_var_mean(tc_tensor *input, const tc_dim *dim, int n_dim, bool unbiased, bool keepdim, double correction, tc_tensor **mean);
/// std_mean(input, dim = nil, unbiased = true, keepdim = false, *, correction = nil)  The standard deviation and the mean over dims. correction (1 if unbiased) is taken from the count.
tc_tensor *tc_std_mean(tc_tensor *input, const tc_dim *dim, int n_dim, bool unbiased, bool keepdim, double correction, tc_tensor **mean);
/// vector_norm(x, ord = 2, dim = nil, keepdim = false, *, dtype = nil)  sum(|x|^ord)^(1/ord); inf and -inf the largest and smallest |x|, 0 counts. @in linalg @function
tc_tensor *tc_vector_norm(tc_tensor *x, double ord, const tc_dim *dim, int n_dim, bool keepdim, tc_dtype dtype);
/// logsumexp(input, dim, keepdim = false)  log(sum(exp(input))) over dims, without overflow. @in special
tc_tensor *tc_logsumexp(tc_tensor *input, const tc_dim *dim, int n_dim, bool keepdim);
/// median_all(input)  The median of all elements, the lower one of two; NaN if there is one.
tc_tensor *tc_median_all(tc_tensor *input);
/// median_dim(input, dim = -1, keepdim = false)  The median along dim, the lower one of two, and where it is.
tc_tensor *tc_median_dim(tc_tensor *input, tc_dim dim, bool keepdim, tc_tensor **indices);
/// nanmedian_all(input)  The median of all elements that are not NaN.
tc_tensor *tc_nanmedian_all(tc_tensor *input);
/// nanmedian_dim(input, dim = -1, keepdim = false)  The median along dim of what is not NaN, and where it is.
tc_tensor *tc_nanmedian_dim(tc_tensor *input, tc_dim dim, bool keepdim, tc_tensor **indices);
/// mode(input, dim = -1, keepdim = false)  The most frequent value along dim (the smallest of several), and where it is last.
tc_tensor *tc_mode(tc_tensor *input, tc_dim dim, bool keepdim, tc_tensor **indices);
/// kthvalue(input, k, dim = -1, keepdim = false)  The k-th smallest value along dim, and where it is.
tc_tensor *tc_kthvalue(tc_tensor *input, int64_t k, tc_dim dim, bool keepdim, tc_tensor **indices);
/// quantile(input, q, dim = nil, keepdim = false, *, interpolation = 'linear')  The q-quantiles along dim, or of all elements. interpolation: linear, lower, higher, nearest, midpoint.
tc_tensor *tc_quantile(tc_tensor *input, tc_operand *q, tc_dim dim, bool keepdim, const char *interpolation);
/// nanquantile(input, q, dim = nil, keepdim = false, *, interpolation = 'linear')  The q-quantiles of what is not NaN.
tc_tensor *tc_nanquantile(tc_tensor *input, tc_operand *q, tc_dim dim, bool keepdim, const char *interpolation);
/// cumsum(input, dim, *, dtype = nil)  Running sums along dim. @inplace
tc_tensor *tc_cumsum(tc_tensor *input, tc_dim dim, tc_dtype dtype);
/// cumprod(input, dim, *, dtype = nil)  Running products along dim. @inplace
tc_tensor *tc_cumprod(tc_tensor *input, tc_dim dim, tc_dtype dtype);
/// logcumsumexp(input, dim)  log(cumsum(exp(input))) along dim, without overflow.
tc_tensor *tc_logcumsumexp(tc_tensor *input, tc_dim dim);
/// cummax(input, dim)  The largest value so far along dim, and where it is (the last of equal ones).
tc_tensor *tc_cummax(tc_tensor *input, tc_dim dim, tc_tensor **indices);
/// cummin(input, dim)  The smallest value so far along dim, and where it is (the last of equal ones).
tc_tensor *tc_cummin(tc_tensor *input, tc_dim dim, tc_tensor **indices);
/// diff(input, n = 1, dim = -1, prepend = nil, append = nil)  The n-th differences of neighbours along dim.
tc_tensor *tc_diff(tc_tensor *input, int64_t n, tc_dim dim, tc_tensor *prepend, tc_tensor *append);
/// sort(input, dim = -1, descending = false, stable = false)  The values in order along dim, and where they were. NaN counts as the largest. Always stable.
tc_tensor *tc_sort(tc_tensor *input, tc_dim dim, bool descending, bool stable, tc_tensor **indices);
/// argsort(input, dim = -1, descending = false, stable = false)  The positions that sort along dim.
tc_tensor *tc_argsort(tc_tensor *input, tc_dim dim, bool descending, bool stable);
/// msort(input)  The values in order along the first dim.
tc_tensor *tc_msort(tc_tensor *input);
/// topk(input, k, dim = -1, largest = true, sorted = true)  The k largest (or smallest) values along dim in order, and where they were.
tc_tensor *tc_topk(tc_tensor *input, int64_t k, tc_dim dim, bool largest, bool sorted, tc_tensor **indices);
/// unique(input, sorted = true, return_inverse = false, return_counts = false, dim = nil)  The distinct elements in order, or the distinct slices along dim; then, as asked, which of them each element is, and how often each occurs.
tc_tensor *tc_unique(tc_tensor *input, bool sorted, bool return_inverse, bool return_counts, tc_dim dim, tc_tensor **second, tc_tensor **third);
/// unique_consecutive(input, return_inverse = false, return_counts = false, dim = nil)  The elements (or slices) that differ from the one before; then, as asked, which of them each element is, and how often each is repeated.
tc_tensor *tc_unique_consecutive(tc_tensor *input, bool return_inverse, bool return_counts, tc_dim dim, tc_tensor **second, tc_tensor **third);
/// searchsorted(sorted_sequence, input, *, out_int32 = false, right = false, side = nil, sorter = nil)  Where to insert input so that the last dim of sorted_sequence stays sorted. @function
tc_tensor *tc_searchsorted(tc_tensor *sorted_sequence, tc_operand *input, bool out_int32, bool right, const char *side, tc_tensor *sorter);
/// bucketize(input, boundaries, *, out_int32 = false, right = false)  The bucket of each element, counted from 1: bucket i ends at boundaries[i].
tc_tensor *tc_bucketize(tc_operand *input, tc_tensor *boundaries, bool out_int32, bool right);
/// histc(input, bins = 100, min = 0, max = 0)  How many elements fall into each of equal bins; 0 and 0 mean the range of the data.
tc_tensor *tc_histc(tc_tensor *input, int64_t bins, double min, double max);
/// bincount(input, weights = nil, minlength = 0)  How often each value 1, 2, ... occurs, or the sum of its weights.
tc_tensor *tc_bincount(tc_tensor *input, tc_tensor *weights, int64_t minlength);
/// cov(input, *, correction = 1, fweights = nil, aweights = nil)  The covariances of variables (rows) over observations (columns).
tc_tensor *tc_cov(tc_tensor *input, double correction, tc_tensor *fweights, tc_tensor *aweights);
/// corrcoef(input)  The correlations of variables (rows) over observations (columns).
tc_tensor *tc_corrcoef(tc_tensor *input);
/// trapezoid(y, x = nil, *, dx = nil, dim = -1)  The integral of y along dim by the trapezoidal rule, over points x or steps dx (1). @alias trapz @function
tc_tensor *tc_trapezoid(tc_tensor *y, tc_tensor *x, double dx, tc_dim dim);
/// cumulative_trapezoid(y, x = nil, *, dx = nil, dim = -1)  The integral of y along dim up to each point but the first. @function
tc_tensor *tc_cumulative_trapezoid(tc_tensor *y, tc_tensor *x, double dx, tc_dim dim);
/// renorm(input, p, dim, maxnorm)  The slices along dim, those with a p-norm above maxnorm scaled down to it. @inplace
tc_tensor *tc_renorm(tc_tensor *input, double p, tc_dim dim, double maxnorm);
/// isin(elements, test_elements, *, assume_unique = false, invert = false)  Is each element among test_elements? @function
tc_tensor *tc_isin(tc_operand *elements, tc_operand *test_elements, bool assume_unique, bool invert);
/// cdist(x1, x2, p = 2, compute_mode = 'use_mm_for_euclid_dist_if_necessary')  The p-norm distances of all rows of x1 to all rows of x2. @function
tc_tensor *tc_cdist(tc_tensor *x1, tc_tensor *x2, double p, const char *compute_mode);
/// sum_to_size(input, size...)  The sum over the dims in which input is larger than a size that broadcasts to it. @method
tc_tensor *tc_sum_to_size(tc_tensor *input, const int64_t *size, int n_size);

/* ---- softmax, losses, norms, embedding, recurrence ---- */
/// softmax(input, dim = nil, *, dtype = nil)  exp(x) / sum(exp(x)) along dim. @in F special
tc_tensor *tc_softmax(tc_tensor *input, tc_dim dim, tc_dtype dtype);
/// log_softmax(input, dim = nil, *, dtype = nil)  The logarithm of softmax, without overflow. @in F special
tc_tensor *tc_log_softmax(tc_tensor *input, tc_dim dim, tc_dtype dtype);
/// softmin(input, dim = nil, *, dtype = nil)  softmax of -input. @function @in F
tc_tensor *tc_softmin(tc_tensor *input, tc_dim dim, tc_dtype dtype);

/// cross_entropy(input, target, weight = nil, ignore_index = -100, reduction = 'mean', label_smoothing = 0)  -log(softmax(input)[target]) over (N, C, ...); the target holds labels 1..C of shape (N, ...), or probabilities of input's shape. @function @in F
tc_tensor *tc_cross_entropy(tc_tensor *input, tc_tensor *target, tc_tensor *weight, int64_t ignore_index, const char *reduction, double label_smoothing);
/// nll_loss(input, target, weight = nil, ignore_index = -100, reduction = 'mean')  -input[target] of log-probabilities (N, C, ...); labels are 1..C. @function @in F
tc_tensor *tc_nll_loss(tc_tensor *input, tc_tensor *target, tc_tensor *weight, int64_t ignore_index, const char *reduction);
/// mse_loss(input, target, reduction = 'mean', weight = nil)  (input - target)^2. @function @in F
tc_tensor *tc_mse_loss(tc_tensor *input, tc_tensor *target, const char *reduction, tc_tensor *weight);
/// l1_loss(input, target, reduction = 'mean', weight = nil)  |input - target|. @function @in F
tc_tensor *tc_l1_loss(tc_tensor *input, tc_tensor *target, const char *reduction, tc_tensor *weight);
/// smooth_l1_loss(input, target, reduction = 'mean', beta = 1)  d^2 / (2 beta) where |d| < beta, else |d| - beta / 2. @function @in F
tc_tensor *tc_smooth_l1_loss(tc_tensor *input, tc_tensor *target, const char *reduction, double beta);
/// huber_loss(input, target, reduction = 'mean', delta = 1, weight = nil)  d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2). @function @in F
tc_tensor *tc_huber_loss(tc_tensor *input, tc_tensor *target, const char *reduction, double delta, tc_tensor *weight);
/// binary_cross_entropy(input, target, weight = nil, reduction = 'mean')  -(t log(x) + (1 - t) log(1 - x)) of probabilities; logarithms are at least -100. @function @in F
tc_tensor *tc_binary_cross_entropy(tc_tensor *input, tc_tensor *target, tc_tensor *weight, const char *reduction);
/// binary_cross_entropy_with_logits(input, target, weight = nil, reduction = 'mean', pos_weight = nil)  binary_cross_entropy of sigmoid(input), without overflow. @function @in F
tc_tensor *tc_binary_cross_entropy_with_logits(tc_tensor *input, tc_tensor *target, tc_tensor *weight, const char *reduction, tc_tensor *pos_weight);
/// kl_div(input, target, reduction = 'mean', log_target = false)  t (log(t) - x) of log-probabilities x. @function @in F
tc_tensor *tc_kl_div(tc_tensor *input, tc_tensor *target, const char *reduction, bool log_target);

/// layer_norm(input, normalized_shape, weight = nil, bias = nil, eps = 1e-5)  (x - mean) / sqrt(var + eps) over the last dims, times weight, plus bias. @function @in F
tc_tensor *tc_layer_norm(tc_tensor *input, const int64_t *normalized_shape, int n_normalized_shape, tc_tensor *weight, tc_tensor *bias, double eps);
/// rms_norm(input, normalized_shape, weight = nil, eps = nil)  x / sqrt(mean(x^2) + eps) over the last dims, times weight. @function @in F
tc_tensor *tc_rms_norm(tc_tensor *input, const int64_t *normalized_shape, int n_normalized_shape, tc_tensor *weight, tc_operand *eps);
/// group_norm(input, num_groups, weight = nil, bias = nil, eps = 1e-5)  Each group of channels normalised on its own. @function @in F
tc_tensor *tc_group_norm(tc_tensor *input, int64_t num_groups, tc_tensor *weight, tc_tensor *bias, double eps);
/// batch_norm(input, running_mean = nil, running_var = nil, weight = nil, bias = nil, training = false, momentum = 0.1, eps = 1e-5)  Each channel normalised over the batch, or by running statistics, which training moves. @function @in F
tc_tensor *tc_batch_norm(tc_tensor *input, tc_tensor *running_mean, tc_tensor *running_var, tc_tensor *weight, tc_tensor *bias, bool training, double momentum, double eps);
/// instance_norm(input, running_mean = nil, running_var = nil, weight = nil, bias = nil, use_input_stats = true, momentum = 0.1, eps = 1e-5)  Each channel of each instance normalised on its own. @function @in F
tc_tensor *tc_instance_norm(tc_tensor *input, tc_tensor *running_mean, tc_tensor *running_var, tc_tensor *weight, tc_tensor *bias, bool use_input_stats, double momentum, double eps);
/// local_response_norm(input, size, alpha = 1e-4, beta = 0.75, k = 1)  x / (k + alpha * mean(x^2 over a window of channels))^beta. @function @in F
tc_tensor *tc_local_response_norm(tc_tensor *input, int64_t size, double alpha, double beta, double k);
/// normalize(input, p = 2, dim = 2, eps = 1e-12)  x / max(norm(x), eps) along dim. @function @in F
tc_tensor *tc_normalize(tc_tensor *input, double p, tc_dim dim, double eps);
/// cosine_similarity(x1, x2, dim = 2, eps = 1e-8)  The cosine of the angle between vectors along dim. @function @in F
tc_tensor *tc_cosine_similarity(tc_tensor *x1, tc_tensor *x2, tc_dim dim, double eps);
/// pairwise_distance(x1, x2, p = 2, eps = 1e-6, keepdim = false)  The p-norm of x1 - x2 + eps along the last dim. @function @in F
tc_tensor *tc_pairwise_distance(tc_tensor *x1, tc_tensor *x2, double p, double eps, bool keepdim);

/// poisson_nll_loss(input, target, log_input = true, full = false, eps = 1e-8, reduction = 'mean')  exp(x) - t x, or x - t log(x + eps); full adds Stirling's term. @function @in F
tc_tensor *tc_poisson_nll_loss(tc_tensor *input, tc_tensor *target, bool log_input, bool full, double eps, const char *reduction);
/// gaussian_nll_loss(input, target, var, full = false, eps = 1e-6, reduction = 'mean')  (log(var) + (x - t)^2 / var) / 2. @function @in F
tc_tensor *tc_gaussian_nll_loss(tc_tensor *input, tc_tensor *target, tc_operand *var, bool full, double eps, const char *reduction);
/// hinge_embedding_loss(input, target, margin = 1, reduction = 'mean')  x where the target is 1, max(0, margin - x) where it is -1. @function @in F
tc_tensor *tc_hinge_embedding_loss(tc_tensor *input, tc_tensor *target, double margin, const char *reduction);
/// margin_ranking_loss(input1, input2, target, margin = 0, reduction = 'mean')  max(0, margin - t (x1 - x2)). @function @in F
tc_tensor *tc_margin_ranking_loss(tc_tensor *input1, tc_tensor *input2, tc_tensor *target, double margin, const char *reduction);
/// cosine_embedding_loss(input1, input2, target, margin = 0, reduction = 'mean')  1 - cos where the target is 1, max(0, cos - margin) where it is -1. @function @in F
tc_tensor *tc_cosine_embedding_loss(tc_tensor *input1, tc_tensor *input2, tc_tensor *target, double margin, const char *reduction);
/// triplet_margin_loss(anchor, positive, negative, margin = 1, p = 2, eps = 1e-6, swap = false, reduction = 'mean')  max(0, d(a, p) - d(a, n) + margin). @function @in F
tc_tensor *tc_triplet_margin_loss(tc_tensor *anchor, tc_tensor *positive, tc_tensor *negative, double margin, double p, double eps, bool swap, const char *reduction);
/// multi_margin_loss(input, target, p = 1, margin = 1, weight = nil, reduction = 'mean')  sum over the other classes of max(0, margin - x[t] + x[c])^p / C; labels are 1..C. @function @in F
tc_tensor *tc_multi_margin_loss(tc_tensor *input, tc_indices *target, double p, double margin, tc_tensor *weight, const char *reduction);
/// multilabel_margin_loss(input, target, reduction = 'mean')  multi_margin_loss for several labels in a row, ended by -1. @function @in F
tc_tensor *tc_multilabel_margin_loss(tc_tensor *input, tc_indices *target, const char *reduction);
/// multilabel_soft_margin_loss(input, target, weight = nil, reduction = 'mean')  The mean over classes of binary_cross_entropy_with_logits. @function @in F
tc_tensor *tc_multilabel_soft_margin_loss(tc_tensor *input, tc_tensor *target, tc_tensor *weight, const char *reduction);
/// soft_margin_loss(input, target, reduction = 'mean')  log(1 + exp(-t x)), t being 1 or -1. @function @in F
tc_tensor *tc_soft_margin_loss(tc_tensor *input, tc_tensor *target, const char *reduction);
/// ctc_loss(log_probs, targets, input_lengths, target_lengths, blank = 1, reduction = 'mean', zero_infinity = false)  -log of the probability of all alignments of targets with log_probs (T, N, C) or (T, C); labels are 1..C without blank. @function @in F
tc_tensor *tc_ctc_loss(tc_tensor *log_probs, tc_indices *targets, tc_indices *input_lengths, tc_indices *target_lengths, int64_t blank, const char *reduction, bool zero_infinity);
tc_tensor *tc_ctc_slope(tc_tensor *g, tc_tensor *slope, tc_tensor *x);

/// glu(input, dim = -1)  The first half of dim times the sigmoid of the second. @function @in F
tc_tensor *tc_glu(tc_tensor *input, tc_dim dim);
/// prelu(input, weight)  x above 0, weight * x below; weight has 1 element or one for each channel. @in F
tc_tensor *tc_prelu(tc_tensor *input, tc_tensor *weight);
/// rrelu(input, lower = 0.125, upper = 0.3333333333333333, training = false, inplace = false)  leaky_relu with a random slope in training, the middle one else. @inplace @function @in F
tc_tensor *tc_rrelu(tc_tensor *input, double lower, double upper, bool training, bool inplace);
/// gumbel_softmax(logits, tau = 1, hard = false, eps = 1e-10, dim = -1)  A random sample, soft or one-hot, from the distribution of logits. @function @in F
tc_tensor *tc_gumbel_softmax(tc_tensor *logits, double tau, bool hard, double eps, tc_dim dim);

/// embedding(input, weight, padding_idx = nil, max_norm = inf, norm_type = 2, scale_grad_by_freq = false, sparse = false)  The rows of weight that the labels in input name; rows longer than max_norm are shrunk in place. @function @in F
tc_tensor *tc_embedding(tc_indices *input, tc_tensor *weight, int64_t padding_idx, double max_norm, double norm_type, bool scale_grad_by_freq, bool sparse);
/// embedding_bag(input, weight, offsets = nil, max_norm = inf, norm_type = 2, scale_grad_by_freq = false, mode = 'mean', sparse = false, per_sample_weights = nil, include_last_offset = false, padding_idx = nil)  embedding, then 'sum', 'mean' or 'max' of each bag: a row of input, or what begins at a position in offsets. @function @in F
tc_tensor *tc_embedding_bag(tc_indices *input, tc_tensor *weight, tc_indices *offsets, double max_norm, double norm_type, bool scale_grad_by_freq, const char *mode, bool sparse, tc_tensor *per_sample_weights, bool include_last_offset, int64_t padding_idx);
tc_tensor *tc_rows_scaled(tc_tensor *table, tc_tensor *index, tc_tensor *scale);
tc_tensor *tc_rows_added(tc_tensor *x, tc_tensor *index, tc_tensor *scale, int64_t rows);

/// scaled_dot_product_attention(query, key, value, attn_mask = nil, dropout_p = 0, is_causal = false, *, scale = nil, enable_gqa = false)  softmax(query key' scale + mask) value; a bool mask says what may be seen. @function @in F
tc_tensor *tc_scaled_dot_product_attention(tc_tensor *query, tc_tensor *key, tc_tensor *value, tc_tensor *attn_mask, double dropout_p, bool is_causal, tc_operand *scale, bool enable_gqa);
/// recurrent_layer(kind, x, h, c = nil, w_hh, b_hh = nil, w_hr = nil, batch_sizes = nil, reverse = false)  One direction of one layer of a 'tanh', 'relu', 'lstm' or 'gru' network: x (time, batch, gates) is the projected input, bias b_ih included, or (rows, gates) of packed sequences with batch_sizes; h and c (nil but for lstm) the first states. Gives the outputs, the last h, the last c. @function @in F
tc_tensor *tc_recurrent_layer(const char *kind, tc_tensor *x, tc_tensor *h, tc_tensor *c, tc_tensor *w_hh, tc_tensor *b_hh, tc_tensor *w_hr, const int64_t *batch_sizes, int n_batch_sizes, bool reverse, tc_tensor **h_n, tc_tensor **c_n);
/// recurrent_whole(kind, x, h, c = nil, w_ih, w_hh, b_ih = nil, b_hh = nil)  The same over whole sequences, by the GPU's own library where there is one: x (time, batch, features) is not projected yet. @only
tc_tensor *tc_recurrent_whole(const char *kind, tc_tensor *x, tc_tensor *h, tc_tensor *c, tc_tensor *w_ih, tc_tensor *w_hh, tc_tensor *b_ih, tc_tensor *b_hh, tc_tensor **h_n, tc_tensor **c_n);

/* ---- indexing, joining, random (lib/ops/select.c, scatter.c, masked.c, join.c, arrange.c, pad.c, diagonal.c, random.c, dropout.c, lib/random.c) ---- */
/// index_select(input, dim, index)  The slices at the given places of dim.
tc_tensor *tc_index_select(tc_tensor *input, tc_dim dim, tc_indices *index);
/// index_add(input, dim, index, source, *, alpha = 1)  alpha times each slice of source added at its place of dim. @inplace
tc_tensor *tc_index_add(tc_tensor *input, tc_dim dim, tc_indices *index, tc_tensor *source, double alpha);
/// index_copy(input, dim, index, source)  Each slice of source put at its place of dim. @inplace
tc_tensor *tc_index_copy(tc_tensor *input, tc_dim dim, tc_indices *index, tc_tensor *source);
/// index_fill(input, dim, index, value)  value at the given places of dim. @inplace
tc_tensor *tc_index_fill(tc_tensor *input, tc_dim dim, tc_indices *index, tc_operand *value);
/// index_reduce(input, dim, index, source, reduce, *, include_self = true)  scatter_reduce of whole slices. @inplace
tc_tensor *tc_index_reduce(tc_tensor *input, tc_dim dim, tc_indices *index, tc_tensor *source, const char *reduce, bool include_self);
/// gather(input, dim, index, *, sparse_grad = false)  For each element of index the one that it names along dim.
tc_tensor *tc_gather(tc_tensor *input, tc_dim dim, tc_indices *index, bool sparse_grad);
/// take_along_dim(input, indices, dim = nil)  gather with broadcasting; without dim over the flattened tensor.
tc_tensor *tc_take_along_dim(tc_tensor *input, tc_indices *indices, tc_dim dim);
/// take(input, index)  The elements at the given places of the flattened tensor.
tc_tensor *tc_take(tc_tensor *input, tc_indices *index);
/// put(input, index, source, accumulate = false)  source put at, or added to, places of the flattened tensor. @inplace @method
tc_tensor *tc_put(tc_tensor *input, tc_indices *index, tc_tensor *source, bool accumulate);
/// index_get(input, indices)  The elements that the index tensors name together; dims without one stay whole. @only
tc_tensor *tc_index_get(tc_tensor *input, tc_tensor *const *indices, int n_indices);
/// index_put(input, indices, values, accumulate = false)  values put at, or added to, the places that the index tensors name together. @inplace
tc_tensor *tc_index_put(tc_tensor *input, tc_tensor *const *indices, int n_indices, tc_operand *values, bool accumulate);
/// scatter(input, dim, index, src, *, reduce = nil)  Each element of src, or a number, put where index says along dim. @inplace
tc_tensor *tc_scatter(tc_tensor *input, tc_dim dim, tc_indices *index, tc_operand *src, const char *reduce);
/// scatter_add(input, dim, index, src)  Each element of src added where index says along dim. @inplace
tc_tensor *tc_scatter_add(tc_tensor *input, tc_dim dim, tc_indices *index, tc_tensor *src);
/// scatter_reduce(input, dim, index, src, reduce, *, include_self = true)  The 'sum', 'prod', 'mean', 'amax' or 'amin' of all that lands in a place. @inplace
tc_tensor *tc_scatter_reduce(tc_tensor *input, tc_dim dim, tc_indices *index, tc_operand *src, const char *reduce, bool include_self);
/// masked_fill(input, mask, value)  value where mask is true. @inplace
tc_tensor *tc_masked_fill(tc_tensor *input, tc_tensor *mask, tc_operand *value);
/// masked_select(input, mask)  The elements where mask is true, in a row.
tc_tensor *tc_masked_select(tc_tensor *input, tc_tensor *mask);
/// masked_scatter(input, mask, source)  The elements of source in order, where mask is true. @inplace
tc_tensor *tc_masked_scatter(tc_tensor *input, tc_tensor *mask, tc_tensor *source);
tc_tensor *tc_nonzero(tc_tensor *input);
/// argwhere(input)  The coordinates of the elements that are not zero, one element a row.
tc_tensor *tc_argwhere(tc_tensor *input);
/// one_hot(tensor, num_classes = -1)  A row of zeros with a 1 at the label, for each label. @function @in F
tc_tensor *tc_one_hot(tc_indices *tensor, int64_t num_classes);
/// cat(tensors, dim = 1)  The tensors one after another along dim. @function @alias concat concatenate
tc_tensor *tc_cat(tc_tensor *const *tensors, int n_tensors, tc_dim dim);
/// stack(tensors, dim = 1)  The tensors as the slices of a new dim. @function
tc_tensor *tc_stack(tc_tensor *const *tensors, int n_tensors, tc_dim dim);
/// hstack(tensors)  The tensors side by side: along dim 2, vectors along dim 1. @function
tc_tensor *tc_hstack(tc_tensor *const *tensors, int n_tensors);
/// vstack(tensors)  The tensors below each other: along dim 1, vectors as rows. @function @alias row_stack
tc_tensor *tc_vstack(tc_tensor *const *tensors, int n_tensors);
/// dstack(tensors)  The tensors behind each other: along dim 3. @function
tc_tensor *tc_dstack(tc_tensor *const *tensors, int n_tensors);
/// column_stack(tensors)  The tensors side by side, vectors as columns. @function
tc_tensor *tc_column_stack(tc_tensor *const *tensors, int n_tensors);
/// flip(input, dims...)  The order of the elements reversed along the dims.
tc_tensor *tc_flip(tc_tensor *input, const tc_dim *dims, int n_dims);
/// fliplr(input)  The order of the columns reversed.
tc_tensor *tc_fliplr(tc_tensor *input);
/// flipud(input)  The order of the rows reversed.
tc_tensor *tc_flipud(tc_tensor *input);
/// roll(input, shifts, dims = nil)  Elements moved along dims; what leaves at the end comes in at the front.
tc_tensor *tc_roll(tc_tensor *input, const int64_t *shifts, int n_shifts, const tc_dim *dims, int n_dims);
/// rot90(input, k = 1, dims = nil)  Turned k times by 90 degrees, from the first of two dims towards the second.
tc_tensor *tc_rot90(tc_tensor *input, int64_t k, const tc_dim *dims, int n_dims);
/// repeat(input, repeats...)  The tensor laid out so many times along each dim. @method @alias rep
tc_tensor *tc_repeat(tc_tensor *input, const int64_t *repeats, int n_repeats);
/// tile(input, dims...)  repeat, where missing counts are 1.
tc_tensor *tc_tile(tc_tensor *input, const int64_t *dims, int n_dims);
/// repeat_interleave(input, repeats = nil, dim = nil, *, output_size = nil)  Each element so many times, one after another; without repeats, the place of each count as often as it says.
tc_tensor *tc_repeat_interleave(tc_tensor *input, tc_operand *repeats, tc_dim dim, int64_t output_size);
/// pad(input, pad, mode = 'constant', value = nil)  Borders in pairs from the last dim on: 'constant', 'reflect', 'replicate' or 'circular'. @function @in F
tc_tensor *tc_pad(tc_tensor *input, const int64_t *pad, int n_pad, const char *mode, tc_operand *value);
/// tril(input, diagonal = 0)  The elements on and below a diagonal, zeros elsewhere. @inplace
tc_tensor *tc_tril(tc_tensor *input, int64_t diagonal);
/// triu(input, diagonal = 0)  The elements on and above a diagonal, zeros elsewhere. @inplace
tc_tensor *tc_triu(tc_tensor *input, int64_t diagonal);
/// tril_indices(row, col, offset = 0, *, dtype = 'int64', device = nil)  The places of the lower triangle: rows, then columns. @function
tc_tensor *tc_tril_indices(int64_t row, int64_t col, int64_t offset, tc_dtype dtype, tc_device device);
/// triu_indices(row, col, offset = 0, *, dtype = 'int64', device = nil)  The places of the upper triangle: rows, then columns. @function
tc_tensor *tc_triu_indices(int64_t row, int64_t col, int64_t offset, tc_dtype dtype, tc_device device);
/// diag(input, diagonal = 0)  A vector as the diagonal of a matrix; of a matrix, its diagonal.
tc_tensor *tc_diag(tc_tensor *input, int64_t diagonal);
/// diagflat(input, offset = 0)  All elements as the diagonal of a matrix.
tc_tensor *tc_diagflat(tc_tensor *input, int64_t offset);
/// diag_embed(input, offset = 0, dim1 = -2, dim2 = -1)  The last dim as the diagonals of matrices.
tc_tensor *tc_diag_embed(tc_tensor *input, int64_t offset, tc_dim dim1, tc_dim dim2);
/// fill_diagonal_(input, fill_value, wrap = false)  The diagonal becomes fill_value; with wrap it begins anew below the square of a tall matrix. @method @mutates
tc_tensor *tc_fill_diagonal(tc_tensor *input, tc_operand *fill_value, bool wrap);
/// trace(input)  The sum of the diagonal.
tc_tensor *tc_trace(tc_tensor *input);
/// slice_scatter(input, src, dim = 1, start = nil, end = nil, step = 1)  A copy with src at the places start, start + step, ... end of dim.
tc_tensor *tc_slice_scatter(tc_tensor *input, tc_tensor *src, tc_dim dim, tc_index start, tc_index end, int64_t step);
/// select_scatter(input, src, dim, index)  A copy with src at one place of dim.
tc_tensor *tc_select_scatter(tc_tensor *input, tc_tensor *src, tc_dim dim, tc_index index);
/// diagonal_scatter(input, src, offset = 0, dim1 = 1, dim2 = 2)  A copy with src on a diagonal.
tc_tensor *tc_diagonal_scatter(tc_tensor *input, tc_tensor *src, int64_t offset, tc_dim dim1, tc_dim dim2);
tc_generator *tc_generator_new(void);
void tc_generator_free(tc_generator *g);
tc_generator *tc_generator_default(void);
void tc_generator_manual_seed(tc_generator *g, int64_t seed);
double tc_generator_seed(tc_generator *g);
void tc_generator_capture(const void *numbers);
uint64_t tc_generator_calls(tc_generator *g);
uint64_t tc_generator_seed_bits(tc_generator *g);
void tc_generator_set_calls(tc_generator *g, uint64_t calls);
int64_t tc_generator_initial_seed(tc_generator *g);
tc_tensor *tc_generator_get_state(tc_generator *g);
void tc_generator_set_state(tc_generator *g, tc_tensor *state);
/// rand(size..., *, generator = nil, dtype = nil, device = nil, requires_grad = false)  Numbers spread evenly over [0, 1). @function
tc_tensor *tc_rand(const int64_t *size, int n_size, tc_generator *generator, tc_dtype dtype, tc_device device, bool requires_grad);
/// randn(size..., *, generator = nil, dtype = nil, device = nil, requires_grad = false)  Normal numbers of mean 0 and variance 1. @function
tc_tensor *tc_randn(const int64_t *size, int n_size, tc_generator *generator, tc_dtype dtype, tc_device device, bool requires_grad);
/// randint(low, high, size, *, generator = nil, dtype = nil, device = nil, requires_grad = false)  Whole numbers from low to below high; without low from 0. @function
tc_tensor *tc_randint(int64_t low, int64_t high, const int64_t *size, int n_size, tc_generator *generator, tc_dtype dtype, tc_device device, bool requires_grad);
/// rand_like(input, *, dtype = nil, device = nil, requires_grad = false, generator = nil)  rand of input's shape. @function
tc_tensor *tc_rand_like(tc_tensor *input, tc_dtype dtype, tc_device device, bool requires_grad, tc_generator *generator);
/// randn_like(input, *, dtype = nil, device = nil, requires_grad = false, generator = nil)  randn of input's shape. @function
tc_tensor *tc_randn_like(tc_tensor *input, tc_dtype dtype, tc_device device, bool requires_grad, tc_generator *generator);
/// randint_like(input, low, high = nil, *, dtype = nil, device = nil, requires_grad = false, generator = nil)  randint of input's shape; one number is high. @function
tc_tensor *tc_randint_like(tc_tensor *input, int64_t low, int64_t high, tc_dtype dtype, tc_device device, bool requires_grad, tc_generator *generator);
/// randperm(n, *, generator = nil, dtype = 'int64', device = nil, requires_grad = false)  The numbers 1 to n in random order. @function
tc_tensor *tc_randperm(int64_t n, tc_generator *generator, tc_dtype dtype, tc_device device, bool requires_grad);
/// bernoulli(input, p = nil, *, generator = nil)  1 with the probability that the element, or p, says, else 0.
tc_tensor *tc_bernoulli(tc_tensor *input, tc_operand *p, tc_generator *generator);
/// poisson(input, *, generator = nil)  Poisson numbers whose rates are the elements. @function
tc_tensor *tc_poisson(tc_tensor *input, tc_generator *generator);
/// binomial(count, prob, *, generator = nil)  How many of count trials succeed, each with probability prob. @function
tc_tensor *tc_binomial(tc_tensor *count, tc_tensor *prob, tc_generator *generator);
/// _standard_gamma(input, *, generator = nil)  Gamma variates of scale 1 whose shapes are the elements; differentiable. @function
tc_tensor *tc_standard_gamma(tc_tensor *input, tc_generator *generator);
/// normal(mean, std = nil, size = nil, *, generator = nil, dtype = nil, device = nil)  Normal numbers: mean and std are tensors, or numbers with a size. @function
tc_tensor *tc_normal(tc_operand *mean, tc_operand *std, const int64_t *size, int n_size, tc_generator *generator, tc_dtype dtype, tc_device device);
/// multinomial(input, num_samples, replacement = false, *, generator = nil)  Places drawn with the elements of each row as weights.
tc_tensor *tc_multinomial(tc_tensor *input, int64_t num_samples, bool replacement, tc_generator *generator);
/// uniform_(input, from = 0, to = 1, *, generator = nil)  Numbers spread evenly over [from, to). @method @self
tc_tensor *tc_uniform_(tc_tensor *input, double from, double to, tc_generator *generator);
/// normal_(input, mean = 0, std = 1, *, generator = nil)  Normal numbers. @method @self
tc_tensor *tc_normal_(tc_tensor *input, double mean, double std, tc_generator *generator);
/// log_normal_(input, mean = 1, std = 2, *, generator = nil)  exp of normal numbers. @method @self
tc_tensor *tc_log_normal_(tc_tensor *input, double mean, double std, tc_generator *generator);
/// exponential_(input, lambd = 1, *, generator = nil)  Exponential numbers of rate lambd. @method @self
tc_tensor *tc_exponential_(tc_tensor *input, double lambd, tc_generator *generator);
/// cauchy_(input, median = 0, sigma = 1, *, generator = nil)  Cauchy numbers. @method @self
tc_tensor *tc_cauchy_(tc_tensor *input, double median, double sigma, tc_generator *generator);
/// geometric_(input, p, *, generator = nil)  The number of trials up to the first success, each of probability p. @method @self
tc_tensor *tc_geometric_(tc_tensor *input, double p, tc_generator *generator);
/// bernoulli_(input, p = 0.5, *, generator = nil)  1 with probability p, which may be a tensor, else 0. @method @self
tc_tensor *tc_bernoulli_(tc_tensor *input, tc_operand *p, tc_generator *generator);
/// random_(input, from = nil, to = nil, *, generator = nil)  Whole numbers from from to below to; one number is to; without numbers all that the dtype holds. @method @self
tc_tensor *tc_random_(tc_tensor *input, int64_t from, int64_t to, tc_generator *generator);
/// dropout(input, p = 0.5, training = true, inplace = false)  While training, elements become 0 with probability p and the others grow to make up for it. @function @in F
tc_tensor *tc_dropout(tc_tensor *input, double p, bool training, bool inplace);
/// dropout1d(input, p = 0.5, training = true, inplace = false)  dropout of whole channels of (batch, channel, length). @function @in F
tc_tensor *tc_dropout1d(tc_tensor *input, double p, bool training, bool inplace);
/// dropout2d(input, p = 0.5, training = true, inplace = false)  dropout of whole channels of (batch, channel, height, width). @function @in F
tc_tensor *tc_dropout2d(tc_tensor *input, double p, bool training, bool inplace);
/// dropout3d(input, p = 0.5, training = true, inplace = false)  dropout of whole channels of (batch, channel, depth, height, width). @function @in F
tc_tensor *tc_dropout3d(tc_tensor *input, double p, bool training, bool inplace);
/// alpha_dropout(input, p = 0.5, training = false, inplace = false)  dropout that keeps mean and variance of SELU's results. @function @in F
tc_tensor *tc_alpha_dropout(tc_tensor *input, double p, bool training, bool inplace);
/// feature_alpha_dropout(input, p = 0.5, training = false, inplace = false)  alpha_dropout of whole channels. @function @in F
tc_tensor *tc_feature_alpha_dropout(tc_tensor *input, double p, bool training, bool inplace);

/* ---- products (lib/ops/matmul.c) ---- */
/// mm(input, mat2)  The product of two matrices.
tc_tensor *tc_mm(tc_tensor *input, tc_tensor *mat2);
/// bmm(input, mat2)  The products of two batches of matrices.
tc_tensor *tc_bmm(tc_tensor *input, tc_tensor *mat2);
/// mv(input, vec)  A matrix times a vector.
tc_tensor *tc_mv(tc_tensor *input, tc_tensor *vec);
/// dot(input, tensor)  The inner product of two vectors; neither is conjugated.
tc_tensor *tc_dot(tc_tensor *input, tc_tensor *tensor);
/// vdot(input, other)  The inner product of two vectors, the first conjugated.
tc_tensor *tc_vdot(tc_tensor *input, tc_tensor *other);
/// inner(input, other)  Sums of products over the last dims of both.
tc_tensor *tc_inner(tc_tensor *input, tc_tensor *other);
/// outer(input, vec2)  All products of elements of two vectors. @alias ger
tc_tensor *tc_outer(tc_tensor *input, tc_tensor *vec2);
/// matmul(input, other)  The product of vectors, matrices, or batches of matrices that broadcast. @in linalg
tc_tensor *tc_matmul(tc_tensor *input, tc_tensor *other);
/// addmm(input, mat1, mat2, *, beta = 1, alpha = 1)  beta * input + alpha * mat1 mat2. @inplace
tc_tensor *tc_addmm(tc_tensor *input, tc_tensor *mat1, tc_tensor *mat2, double beta, double alpha);
/// addmv(input, mat, vec, *, beta = 1, alpha = 1)  beta * input + alpha * mat vec. @inplace
tc_tensor *tc_addmv(tc_tensor *input, tc_tensor *mat, tc_tensor *vec, double beta, double alpha);
/// addr(input, vec1, vec2, *, beta = 1, alpha = 1)  beta * input + alpha * outer(vec1, vec2). @inplace
tc_tensor *tc_addr(tc_tensor *input, tc_tensor *vec1, tc_tensor *vec2, double beta, double alpha);
/// addbmm(input, batch1, batch2, *, beta = 1, alpha = 1)  beta * input + alpha * the sum of the batch's products. @inplace
tc_tensor *tc_addbmm(tc_tensor *input, tc_tensor *batch1, tc_tensor *batch2, double beta, double alpha);
/// baddbmm(input, batch1, batch2, *, beta = 1, alpha = 1)  beta * input + alpha * the batch's products. @inplace
tc_tensor *tc_baddbmm(tc_tensor *input, tc_tensor *batch1, tc_tensor *batch2, double beta, double alpha);
/// linear(input, weight, bias = nil)  input times the transpose of weight, plus bias. @function @in F
tc_tensor *tc_linear(tc_tensor *input, tc_tensor *weight, tc_tensor *bias);

/* ---- convolution (lib/ops/conv.c) ---- */
/// conv1d(input, weight, bias = nil, stride = 1, padding = 0, dilation = 1, groups = 1)  The convolution over 1 dim of input (batch, channels, ...) with weight (outputs, channels / groups, ...); padding may be 'valid' or 'same'. @function @in F
tc_tensor *tc_conv1d(tc_tensor *input, tc_tensor *weight, tc_tensor *bias, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding, const int64_t *dilation, int n_dilation, int64_t groups);
/// conv2d(input, weight, bias = nil, stride = 1, padding = 0, dilation = 1, groups = 1)  The convolution over 2 dims of input (batch, channels, ...) with weight (outputs, channels / groups, ...); padding may be 'valid' or 'same'. @function @in F
tc_tensor *tc_conv2d(tc_tensor *input, tc_tensor *weight, tc_tensor *bias, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding, const int64_t *dilation, int n_dilation, int64_t groups);
/// conv3d(input, weight, bias = nil, stride = 1, padding = 0, dilation = 1, groups = 1)  The convolution over 3 dims of input (batch, channels, ...) with weight (outputs, channels / groups, ...); padding may be 'valid' or 'same'. @function @in F
tc_tensor *tc_conv3d(tc_tensor *input, tc_tensor *weight, tc_tensor *bias, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding, const int64_t *dilation, int n_dilation, int64_t groups);
/// conv_transpose1d(input, weight, bias = nil, stride = 1, padding = 0, output_padding = 0, groups = 1, dilation = 1)  The transpose of conv1d: weight is (channels, outputs / groups, ...). @function @in F
tc_tensor *tc_conv_transpose1d(tc_tensor *input, tc_tensor *weight, tc_tensor *bias, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding, const int64_t *output_padding, int n_output_padding, int64_t groups, const int64_t *dilation, int n_dilation);
/// conv_transpose2d(input, weight, bias = nil, stride = 1, padding = 0, output_padding = 0, groups = 1, dilation = 1)  The transpose of conv2d: weight is (channels, outputs / groups, ...). @function @in F
tc_tensor *tc_conv_transpose2d(tc_tensor *input, tc_tensor *weight, tc_tensor *bias, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding, const int64_t *output_padding, int n_output_padding, int64_t groups, const int64_t *dilation, int n_dilation);
/// conv_transpose3d(input, weight, bias = nil, stride = 1, padding = 0, output_padding = 0, groups = 1, dilation = 1)  The transpose of conv3d: weight is (channels, outputs / groups, ...). @function @in F
tc_tensor *tc_conv_transpose3d(tc_tensor *input, tc_tensor *weight, tc_tensor *bias, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding, const int64_t *output_padding, int n_output_padding, int64_t groups, const int64_t *dilation, int n_dilation);

/* ---- steps of optimizers over all parameters that have a gradient (lib/ops/optim.c, optim_matrix.c); see lua/tocha/optim ---- */
/// sgd_step(params, buffers, lr, momentum, dampening, weight_decay, nesterov, maximize)  One step of SGD. @only
void tc_sgd_step(tc_tensor *const *params, int n_params, tc_tensor *const *buffers, int n_buffers, double lr, double momentum, double dampening, double weight_decay, bool nesterov, bool maximize);
/// adam_step(params, means, squares, largest, steps, lr, beta1, beta2, eps, weight_decay, decoupled, maximize)  One step of Adam or, with decoupled weight decay, AdamW. @only
void tc_adam_step(tc_tensor *const *params, int n_params, tc_tensor *const *means, int n_means, tc_tensor *const *squares, int n_squares, tc_tensor *const *largest, int n_largest, tc_tensor *const *steps, int n_steps, double lr, double beta1, double beta2, double eps, double weight_decay, bool decoupled, bool maximize);
/// rmsprop_step(params, squares, averages, buffers, steps, lr, alpha, eps, weight_decay, momentum, maximize)  One step of RMSprop. @only
void tc_rmsprop_step(tc_tensor *const *params, int n_params, tc_tensor *const *squares, int n_squares, tc_tensor *const *averages, int n_averages, tc_tensor *const *buffers, int n_buffers, tc_tensor *const *steps, int n_steps, double lr, double alpha, double eps, double weight_decay, double momentum, bool maximize);
/// adagrad_step(params, sums, steps, lr, lr_decay, eps, weight_decay, maximize)  One step of Adagrad. @only
void tc_adagrad_step(tc_tensor *const *params, int n_params, tc_tensor *const *sums, int n_sums, tc_tensor *const *steps, int n_steps, double lr, double lr_decay, double eps, double weight_decay, bool maximize);
/// adadelta_step(params, squares, moves, steps, lr, rho, eps, weight_decay, maximize)  One step of Adadelta. @only
void tc_adadelta_step(tc_tensor *const *params, int n_params, tc_tensor *const *squares, int n_squares, tc_tensor *const *moves, int n_moves, tc_tensor *const *steps, int n_steps, double lr, double rho, double eps, double weight_decay, bool maximize);
/// adamax_step(params, means, largest, steps, lr, beta1, beta2, eps, weight_decay, maximize)  One step of Adamax. @only
void tc_adamax_step(tc_tensor *const *params, int n_params, tc_tensor *const *means, int n_means, tc_tensor *const *largest, int n_largest, tc_tensor *const *steps, int n_steps, double lr, double beta1, double beta2, double eps, double weight_decay, bool maximize);
/// nadam_step(params, means, squares, steps, products, lr, beta1, beta2, eps, weight_decay, momentum_decay, decoupled, maximize)  One step of NAdam. @only
void tc_nadam_step(tc_tensor *const *params, int n_params, tc_tensor *const *means, int n_means, tc_tensor *const *squares, int n_squares, tc_tensor *const *steps, int n_steps, tc_tensor *const *products, int n_products, double lr, double beta1, double beta2, double eps, double weight_decay, double momentum_decay, bool decoupled, bool maximize);
/// radam_step(params, means, squares, steps, lr, beta1, beta2, eps, weight_decay, decoupled, maximize)  One step of RAdam. @only
void tc_radam_step(tc_tensor *const *params, int n_params, tc_tensor *const *means, int n_means, tc_tensor *const *squares, int n_squares, tc_tensor *const *steps, int n_steps, double lr, double beta1, double beta2, double eps, double weight_decay, bool decoupled, bool maximize);
/// asgd_step(params, averages, steps, etas, mus, lr, lambd, alpha, t0, weight_decay, maximize)  One step of ASGD. @only
void tc_asgd_step(tc_tensor *const *params, int n_params, tc_tensor *const *averages, int n_averages, tc_tensor *const *steps, int n_steps, tc_tensor *const *etas, int n_etas, tc_tensor *const *mus, int n_mus, double lr, double lambd, double alpha, double t0, double weight_decay, bool maximize);
/// rprop_step(params, previous, sizes, steps, eta_minus, eta_plus, smallest, largest, maximize)  One step of Rprop. @only
void tc_rprop_step(tc_tensor *const *params, int n_params, tc_tensor *const *previous, int n_previous, tc_tensor *const *sizes, int n_sizes, tc_tensor *const *steps, int n_steps, double eta_minus, double eta_plus, double smallest, double largest, bool maximize);
/// lion_step(params, means, lr, beta1, beta2, weight_decay, maximize)  One step of Lion. @only
void tc_lion_step(tc_tensor *const *params, int n_params, tc_tensor *const *means, int n_means, double lr, double beta1, double beta2, double weight_decay, bool maximize);
/// lamb_step(params, means, squares, steps, lr, beta1, beta2, eps, weight_decay, trust_clip, maximize)  One step of LAMB. @only
void tc_lamb_step(tc_tensor *const *params, int n_params, tc_tensor *const *means, int n_means, tc_tensor *const *squares, int n_squares, tc_tensor *const *steps, int n_steps, double lr, double beta1, double beta2, double eps, double weight_decay, double trust_clip, bool maximize);
/// muon_step(params, buffers, lr, weight_decay, momentum, nesterov, coefficients, eps, iterations, adjust = 'original')  One step of Muon; adjust: how the rate depends on the shape, 'original', 'match_rms_adamw' or 'spectral_unclamped'. @only
void tc_muon_step(tc_tensor *const *params, int n_params, tc_tensor *const *buffers, int n_buffers, double lr, double weight_decay, double momentum, bool nesterov, const double *coefficients, int n_coefficients, double eps, int64_t iterations, const char *adjust);

/* ---- pooling (lib/ops/pool.c) ---- */
/// max_pool1d(input, kernel_size, stride = nil, padding = 0, dilation = 1, ceil_mode = false, return_indices = false)  The largest element of each window over the last 1 dim; with return_indices also its place in the plane. @function @in F
tc_tensor *tc_max_pool1d(tc_tensor *input, const int64_t *kernel_size, int n_kernel_size, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding, const int64_t *dilation, int n_dilation, bool ceil_mode, bool return_indices, tc_tensor **indices);
/// adaptive_max_pool1d(input, output_size, return_indices = false)  The largest elements of windows so chosen that output_size results; -1 keeps a size. @function @in F
tc_tensor *tc_adaptive_max_pool1d(tc_tensor *input, const int64_t *output_size, int n_output_size, bool return_indices, tc_tensor **indices);
/// avg_pool1d(input, kernel_size, stride = nil, padding = 0, ceil_mode = false, count_include_pad = true)  The mean of each window over the last 1 dim. @function @in F
tc_tensor *tc_avg_pool1d(tc_tensor *input, const int64_t *kernel_size, int n_kernel_size, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding, bool ceil_mode, bool count_include_pad);
/// adaptive_avg_pool1d(input, output_size)  The means of windows so chosen that output_size results; -1 keeps a size. @function @in F
tc_tensor *tc_adaptive_avg_pool1d(tc_tensor *input, const int64_t *output_size, int n_output_size);
/// lp_pool1d(input, norm_type, kernel_size, stride = nil, ceil_mode = false)  The norm_type-norm of each window. @function @in F
tc_tensor *tc_lp_pool1d(tc_tensor *input, double norm_type, const int64_t *kernel_size, int n_kernel_size, const int64_t *stride, int n_stride, bool ceil_mode);
/// max_unpool1d(input, indices, kernel_size, stride = nil, padding = 0, output_size = nil)  Maxima put back where max_pool1d found them, zeros elsewhere. @function @in F
tc_tensor *tc_max_unpool1d(tc_tensor *input, tc_indices *indices, const int64_t *kernel_size, int n_kernel_size, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding, const int64_t *output_size, int n_output_size);
/// max_pool2d(input, kernel_size, stride = nil, padding = 0, dilation = 1, ceil_mode = false, return_indices = false)  The largest element of each window over the last 2 dims; with return_indices also its place in the plane. @function @in F
tc_tensor *tc_max_pool2d(tc_tensor *input, const int64_t *kernel_size, int n_kernel_size, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding, const int64_t *dilation, int n_dilation, bool ceil_mode, bool return_indices, tc_tensor **indices);
/// adaptive_max_pool2d(input, output_size, return_indices = false)  The largest elements of windows so chosen that output_size results; -1 keeps a size. @function @in F
tc_tensor *tc_adaptive_max_pool2d(tc_tensor *input, const int64_t *output_size, int n_output_size, bool return_indices, tc_tensor **indices);
/// avg_pool2d(input, kernel_size, stride = nil, padding = 0, ceil_mode = false, count_include_pad = true, divisor_override = nil)  The mean of each window over the last 2 dims. @function @in F
tc_tensor *tc_avg_pool2d(tc_tensor *input, const int64_t *kernel_size, int n_kernel_size, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding, bool ceil_mode, bool count_include_pad, int64_t divisor_override);
/// adaptive_avg_pool2d(input, output_size)  The means of windows so chosen that output_size results; -1 keeps a size. @function @in F
tc_tensor *tc_adaptive_avg_pool2d(tc_tensor *input, const int64_t *output_size, int n_output_size);
/// lp_pool2d(input, norm_type, kernel_size, stride = nil, ceil_mode = false)  The norm_type-norm of each window. @function @in F
tc_tensor *tc_lp_pool2d(tc_tensor *input, double norm_type, const int64_t *kernel_size, int n_kernel_size, const int64_t *stride, int n_stride, bool ceil_mode);
/// max_unpool2d(input, indices, kernel_size, stride = nil, padding = 0, output_size = nil)  Maxima put back where max_pool2d found them, zeros elsewhere. @function @in F
tc_tensor *tc_max_unpool2d(tc_tensor *input, tc_indices *indices, const int64_t *kernel_size, int n_kernel_size, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding, const int64_t *output_size, int n_output_size);
/// max_pool3d(input, kernel_size, stride = nil, padding = 0, dilation = 1, ceil_mode = false, return_indices = false)  The largest element of each window over the last 3 dims; with return_indices also its place in the plane. @function @in F
tc_tensor *tc_max_pool3d(tc_tensor *input, const int64_t *kernel_size, int n_kernel_size, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding, const int64_t *dilation, int n_dilation, bool ceil_mode, bool return_indices, tc_tensor **indices);
/// adaptive_max_pool3d(input, output_size, return_indices = false)  The largest elements of windows so chosen that output_size results; -1 keeps a size. @function @in F
tc_tensor *tc_adaptive_max_pool3d(tc_tensor *input, const int64_t *output_size, int n_output_size, bool return_indices, tc_tensor **indices);
/// avg_pool3d(input, kernel_size, stride = nil, padding = 0, ceil_mode = false, count_include_pad = true, divisor_override = nil)  The mean of each window over the last 3 dims. @function @in F
tc_tensor *tc_avg_pool3d(tc_tensor *input, const int64_t *kernel_size, int n_kernel_size, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding, bool ceil_mode, bool count_include_pad, int64_t divisor_override);
/// adaptive_avg_pool3d(input, output_size)  The means of windows so chosen that output_size results; -1 keeps a size. @function @in F
tc_tensor *tc_adaptive_avg_pool3d(tc_tensor *input, const int64_t *output_size, int n_output_size);
/// lp_pool3d(input, norm_type, kernel_size, stride = nil, ceil_mode = false)  The norm_type-norm of each window. @function @in F
tc_tensor *tc_lp_pool3d(tc_tensor *input, double norm_type, const int64_t *kernel_size, int n_kernel_size, const int64_t *stride, int n_stride, bool ceil_mode);
/// max_unpool3d(input, indices, kernel_size, stride = nil, padding = 0, output_size = nil)  Maxima put back where max_pool3d found them, zeros elsewhere. @function @in F
tc_tensor *tc_max_unpool3d(tc_tensor *input, tc_indices *indices, const int64_t *kernel_size, int n_kernel_size, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding, const int64_t *output_size, int n_output_size);

/* ---- files (lib/io); see lua/tocha/io and lua/tocha/utils/data ---- */
/// read_idx(path)  The tensor in a file of MNIST's format, plain or gzipped. @only
tc_tensor *tc_read_idx(const char *path);
/// file_bytes(path, mapped)  A whole file as uint8, read or mapped into memory privately. @only
tc_tensor *tc_file_bytes(const char *path, bool mapped);
tc_tensor *tc_map_file(const char *path, bool shared, int64_t size, tc_dtype dtype);
bool tc_is_shared(tc_tensor *x);
tc_tensor *tc_shared_copy(tc_tensor *x);
/// file_slice(bytes, offset, size, dtype)  A tensor made of the bytes of a file; it shares them where they are mapped and aligned. @only
tc_tensor *tc_file_slice(tc_tensor *bytes, int64_t offset, const int64_t *size, int n_size, tc_dtype dtype);
/// file_write(path, header, tensors)  Writes the header's length, the header and the tensors, all or nothing. @only
void tc_file_write(const char *path, const char *header, tc_tensor *const *tensors, int n_tensors);

/* ---- resampling (lib/ops/resample.c), patches (lib/ops/patches.c), chains (lib/ops/chain.c) ---- */
/// interpolate(input, size = nil, scale_factor = nil, mode = 'nearest', align_corners = false, recompute_scale_factor = false, antialias = false)  The dims after the first two brought to another size; mode is 'nearest', 'nearest-exact', 'linear', 'bilinear', 'bicubic', 'trilinear' or 'area'. @function @in F
tc_tensor *tc_interpolate(tc_tensor *input, const int64_t *size, int n_size, const double *scale_factor, int n_scale_factor, const char *mode, bool align_corners, bool recompute_scale_factor, bool antialias);
/// upsample(input, size = nil, scale_factor = nil, mode = 'nearest', align_corners = false)  The old name of interpolate. @function @in F
tc_tensor *tc_upsample(tc_tensor *input, const int64_t *size, int n_size, const double *scale_factor, int n_scale_factor, const char *mode, bool align_corners);
/// upsample_nearest(input, size = nil, scale_factor = nil)  interpolate with mode 'nearest'. @function @in F
tc_tensor *tc_upsample_nearest(tc_tensor *input, const int64_t *size, int n_size, const double *scale_factor, int n_scale_factor);
/// upsample_bilinear(input, size = nil, scale_factor = nil)  interpolate with mode 'bilinear' and aligned corners. @function @in F
tc_tensor *tc_upsample_bilinear(tc_tensor *input, const int64_t *size, int n_size, const double *scale_factor, int n_scale_factor);
/// im2col(input, kernel_size, dilation = 1, padding = 0, stride = 1)  The patches of images as columns: nn.functional.unfold. @only @name unfold
tc_tensor *tc_im2col(tc_tensor *input, const int64_t *kernel_size, int n_kernel_size, const int64_t *dilation, int n_dilation, const int64_t *padding, int n_padding, const int64_t *stride, int n_stride);
/// col2im(input, output_size, kernel_size, dilation = 1, padding = 0, stride = 1)  Patches added up into images: nn.functional.fold. @only @name fold
tc_tensor *tc_col2im(tc_tensor *input, const int64_t *output_size, int n_output_size, const int64_t *kernel_size, int n_kernel_size, const int64_t *dilation, int n_dilation, const int64_t *padding, int n_padding, const int64_t *stride, int n_stride);
/// multi_dot(tensors)  The product of a chain of matrices, in the cheapest order; the first and the last may be vectors. @function @in linalg
tc_tensor *tc_multi_dot(tc_tensor *const *tensors, int n_tensors);

/* ---- special functions (lib/ops/special.c, kernels/special.h) ---- */
/// special_expit(input)  1 / (1 + exp(-x)): sigmoid. @function @in special
tc_tensor *tc_special_expit(tc_tensor *input);
/// special_gammaln(input)  The logarithm of the absolute value of the gamma function: lgamma. @function @in special
tc_tensor *tc_special_gammaln(tc_tensor *input);
/// special_psi(input)  The derivative of lgamma: digamma. @function @in special
tc_tensor *tc_special_psi(tc_tensor *input);
/// special_erfcx(input)  exp(x^2) * erfc(x), for large x without underflow. @function @in special
tc_tensor *tc_special_erfcx(tc_tensor *input);
/// erfinv(input)  The inverse of erf, from -1..1. @inplace direct @in special
tc_tensor *tc_erfinv(tc_tensor *input);
/// special_ndtr(input)  The normal distribution function. @function @in special
tc_tensor *tc_special_ndtr(tc_tensor *input);
/// special_ndtri(input)  The quantile of the normal distribution, from 0..1. @function @in special
tc_tensor *tc_special_ndtri(tc_tensor *input);
/// special_log_ndtr(input)  The logarithm of the normal distribution function, exact far left. @function @in special
tc_tensor *tc_special_log_ndtr(tc_tensor *input);
/// special_entr(input)  -x * log(x), 0 at 0, -inf below. @function @in special
tc_tensor *tc_special_entr(tc_tensor *input);
/// special_xlog1py(input, other)  input * log(1 + other), 0 where input is 0. @function @in special
tc_tensor *tc_special_xlog1py(tc_operand *input, tc_operand *other);
/// i0(input)  The modified Bessel function of the first kind of order 0. @inplace direct @in special
tc_tensor *tc_i0(tc_tensor *input);
/// special_i0e(input)  exp(-|x|) * i0(x). @function @in special
tc_tensor *tc_special_i0e(tc_tensor *input);
/// special_i1(input)  The modified Bessel function of the first kind of order 1. @function @in special
tc_tensor *tc_special_i1(tc_tensor *input);
/// special_i1e(input)  exp(-|x|) * i1(x). @function @in special
tc_tensor *tc_special_i1e(tc_tensor *input);
/// special_modified_bessel_i0(input)  The modified Bessel function of the first kind of order 0. @function @in special
tc_tensor *tc_special_modified_bessel_i0(tc_tensor *input);
/// special_modified_bessel_i1(input)  The modified Bessel function of the first kind of order 1. @function @in special
tc_tensor *tc_special_modified_bessel_i1(tc_tensor *input);
/// special_modified_bessel_k0(input)  The modified Bessel function of the second kind of order 0. @function @in special
tc_tensor *tc_special_modified_bessel_k0(tc_tensor *input);
/// special_modified_bessel_k1(input)  The modified Bessel function of the second kind of order 1. @function @in special
tc_tensor *tc_special_modified_bessel_k1(tc_tensor *input);
/// special_scaled_modified_bessel_k0(input)  exp(x) * modified_bessel_k0(x). @function @in special
tc_tensor *tc_special_scaled_modified_bessel_k0(tc_tensor *input);
/// special_scaled_modified_bessel_k1(input)  exp(x) * modified_bessel_k1(x). @function @in special
tc_tensor *tc_special_scaled_modified_bessel_k1(tc_tensor *input);
/// special_bessel_j0(input)  The Bessel function of the first kind of order 0. @function @in special
tc_tensor *tc_special_bessel_j0(tc_tensor *input);
/// special_bessel_j1(input)  The Bessel function of the first kind of order 1. @function @in special
tc_tensor *tc_special_bessel_j1(tc_tensor *input);
/// special_bessel_y0(input)  The Bessel function of the second kind of order 0. @function @in special
tc_tensor *tc_special_bessel_y0(tc_tensor *input);
/// special_bessel_y1(input)  The Bessel function of the second kind of order 1. @function @in special
tc_tensor *tc_special_bessel_y1(tc_tensor *input);
/// special_spherical_bessel_j0(input)  sin(x) / x, 1 at 0. @function @in special
tc_tensor *tc_special_spherical_bessel_j0(tc_tensor *input);
/// special_airy_ai(input)  Airy's function Ai. @function @in special
tc_tensor *tc_special_airy_ai(tc_tensor *input);
/// mvlgamma(input, p)  The logarithm of the gamma function of p dims. @inplace
tc_tensor *tc_mvlgamma(tc_tensor *input, int64_t p);
/// special_multigammaln(input, p)  The logarithm of the gamma function of p dims: mvlgamma. @function @in special
tc_tensor *tc_special_multigammaln(tc_tensor *input, int64_t p);
/// igamma(input, other)  The lower incomplete gamma function, regularised, of order input at other. @inplace direct @alias special_gammainc @in special
tc_tensor *tc_igamma(tc_operand *input, tc_operand *other);
/// igammac(input, other)  The upper incomplete gamma function, regularised, of order input at other. @inplace direct @alias special_gammaincc @in special
tc_tensor *tc_igammac(tc_operand *input, tc_operand *other);
/// special_zeta(input, other)  The zeta function of Hurwitz: the sum of (k + other)^-input over k = 0, 1, ... @function @in special
tc_tensor *tc_special_zeta(tc_operand *input, tc_operand *other);
/// special_chebyshev_polynomial_t(input, n)  The Chebyshev polynomial T of degree n at input. @function @in special
tc_tensor *tc_special_chebyshev_polynomial_t(tc_operand *input, tc_operand *n);
/// special_chebyshev_polynomial_u(input, n)  The Chebyshev polynomial U of degree n at input. @function @in special
tc_tensor *tc_special_chebyshev_polynomial_u(tc_operand *input, tc_operand *n);
/// special_chebyshev_polynomial_v(input, n)  The Chebyshev polynomial V of degree n at input. @function @in special
tc_tensor *tc_special_chebyshev_polynomial_v(tc_operand *input, tc_operand *n);
/// special_chebyshev_polynomial_w(input, n)  The Chebyshev polynomial W of degree n at input. @function @in special
tc_tensor *tc_special_chebyshev_polynomial_w(tc_operand *input, tc_operand *n);
/// special_shifted_chebyshev_polynomial_t(input, n)  The Chebyshev polynomial T of degree n at 2 input - 1. @function @in special
tc_tensor *tc_special_shifted_chebyshev_polynomial_t(tc_operand *input, tc_operand *n);
/// special_shifted_chebyshev_polynomial_u(input, n)  The Chebyshev polynomial U of degree n at 2 input - 1. @function @in special
tc_tensor *tc_special_shifted_chebyshev_polynomial_u(tc_operand *input, tc_operand *n);
/// special_shifted_chebyshev_polynomial_v(input, n)  The Chebyshev polynomial V of degree n at 2 input - 1. @function @in special
tc_tensor *tc_special_shifted_chebyshev_polynomial_v(tc_operand *input, tc_operand *n);
/// special_shifted_chebyshev_polynomial_w(input, n)  The Chebyshev polynomial W of degree n at 2 input - 1. @function @in special
tc_tensor *tc_special_shifted_chebyshev_polynomial_w(tc_operand *input, tc_operand *n);
/// special_hermite_polynomial_h(input, n)  The physicist's Hermite polynomial of degree n at input. @function @in special
tc_tensor *tc_special_hermite_polynomial_h(tc_operand *input, tc_operand *n);
/// special_hermite_polynomial_he(input, n)  The probabilist's Hermite polynomial of degree n at input. @function @in special
tc_tensor *tc_special_hermite_polynomial_he(tc_operand *input, tc_operand *n);
/// special_laguerre_polynomial_l(input, n)  The Laguerre polynomial of degree n at input. @function @in special
tc_tensor *tc_special_laguerre_polynomial_l(tc_operand *input, tc_operand *n);
/// special_legendre_polynomial_p(input, n)  The Legendre polynomial of degree n at input. @function @in special
tc_tensor *tc_special_legendre_polynomial_p(tc_operand *input, tc_operand *n);

/* ---- shortcuts (lib/ops/shortcuts.c), windows (lib/ops/window.c) ---- */
/// ravel(input)  All elements as one row; a view if they lie so.
tc_tensor *tc_ravel(tc_tensor *input);
/// kron(input, other)  The product of Kronecker: each element of input times all of other.
tc_tensor *tc_kron(tc_tensor *input, tc_tensor *other);
/// bartlett_window(window_length, periodic = true, *, dtype = nil, device = nil, requires_grad = false)  A triangle from 0 over 1 to 0. @function
tc_tensor *tc_bartlett_window(int64_t window_length, bool periodic, tc_dtype dtype, tc_device device, bool requires_grad);
/// blackman_window(window_length, periodic = true, *, dtype = nil, device = nil, requires_grad = false)  Blackman's window, of two cosines. @function
tc_tensor *tc_blackman_window(int64_t window_length, bool periodic, tc_dtype dtype, tc_device device, bool requires_grad);
/// hann_window(window_length, periodic = true, *, dtype = nil, device = nil, requires_grad = false)  Hann's window, a raised cosine. @function
tc_tensor *tc_hann_window(int64_t window_length, bool periodic, tc_dtype dtype, tc_device device, bool requires_grad);
/// hamming_window(window_length, periodic = true, alpha = 0.54, beta = 0.46, *, dtype = nil, device = nil, requires_grad = false)  Hamming's window, alpha - beta cos. @function
tc_tensor *tc_hamming_window(int64_t window_length, bool periodic, double alpha, double beta, tc_dtype dtype, tc_device device, bool requires_grad);
/// kaiser_window(window_length, periodic = true, beta = 12, *, dtype = nil, device = nil, requires_grad = false)  Kaiser's window, of the Bessel function i0. @function
tc_tensor *tc_kaiser_window(int64_t window_length, bool periodic, double beta, tc_dtype dtype, tc_device device, bool requires_grad);

/* ---- Fourier transforms (lib/ops/fft.c); norm is 'backward', 'ortho' or 'forward'; n and s cut the input or fill it up with zeros ---- */
/// fft_fft(input, n = nil, dim = -1, norm = 'backward')  The discrete Fourier transform along a dim: sum_j x_j exp(-2 pi i jk/n); complex, also of real input. @function @in fft
tc_tensor *tc_fft_fft(tc_tensor *input, int64_t n, tc_dim dim, const char *norm);
/// fft_ifft(input, n = nil, dim = -1, norm = 'backward')  The inverse of fft: divided by n unless norm says otherwise. @function @in fft
tc_tensor *tc_fft_ifft(tc_tensor *input, int64_t n, tc_dim dim, const char *norm);
/// fft_rfft(input, n = nil, dim = -1, norm = 'backward')  fft of real input, its first n/2 + 1 bins; the others are their conjugates. @function @in fft
tc_tensor *tc_fft_rfft(tc_tensor *input, int64_t n, tc_dim dim, const char *norm);
/// fft_irfft(input, n = nil, dim = -1, norm = 'backward')  The inverse of rfft, to n real numbers, 2 * (bins - 1) if n is not given. @function @in fft
tc_tensor *tc_fft_irfft(tc_tensor *input, int64_t n, tc_dim dim, const char *norm);
/// fft_hfft(input, n = nil, dim = -1, norm = 'backward')  fft of input that equals its own conjugate backwards, given by its first n/2 + 1 elements: n real numbers. @function @in fft
tc_tensor *tc_fft_hfft(tc_tensor *input, int64_t n, tc_dim dim, const char *norm);
/// fft_ihfft(input, n = nil, dim = -1, norm = 'backward')  The inverse of hfft: the first n/2 + 1 elements for n real numbers. @function @in fft
tc_tensor *tc_fft_ihfft(tc_tensor *input, int64_t n, tc_dim dim, const char *norm);
/// fft_fft2(input, s = nil, dim = nil, norm = 'backward')  fft over the last two dims, or two others. @function @in fft
tc_tensor *tc_fft_fft2(tc_tensor *input, const int64_t *s, int n_s, const tc_dim *dim, int n_dim, const char *norm);
/// fft_ifft2(input, s = nil, dim = nil, norm = 'backward')  ifft over the last two dims, or two others. @function @in fft
tc_tensor *tc_fft_ifft2(tc_tensor *input, const int64_t *s, int n_s, const tc_dim *dim, int n_dim, const char *norm);
/// fft_rfft2(input, s = nil, dim = nil, norm = 'backward')  rfft along the last and fft along the others of the last two dims, or two others. @function @in fft
tc_tensor *tc_fft_rfft2(tc_tensor *input, const int64_t *s, int n_s, const tc_dim *dim, int n_dim, const char *norm);
/// fft_irfft2(input, s = nil, dim = nil, norm = 'backward')  The inverse of rfft2 over the last two dims, or two others. @function @in fft
tc_tensor *tc_fft_irfft2(tc_tensor *input, const int64_t *s, int n_s, const tc_dim *dim, int n_dim, const char *norm);
/// fft_hfft2(input, s = nil, dim = nil, norm = 'backward')  hfft along the last and fft along the others of the last two dims, or two others. @function @in fft
tc_tensor *tc_fft_hfft2(tc_tensor *input, const int64_t *s, int n_s, const tc_dim *dim, int n_dim, const char *norm);
/// fft_ihfft2(input, s = nil, dim = nil, norm = 'backward')  The inverse of hfft2 over the last two dims, or two others. @function @in fft
tc_tensor *tc_fft_ihfft2(tc_tensor *input, const int64_t *s, int n_s, const tc_dim *dim, int n_dim, const char *norm);
/// fft_fftn(input, s = nil, dim = nil, norm = 'backward')  fft over all dims, or those given, or the last as s has sizes. @function @in fft
tc_tensor *tc_fft_fftn(tc_tensor *input, const int64_t *s, int n_s, const tc_dim *dim, int n_dim, const char *norm);
/// fft_ifftn(input, s = nil, dim = nil, norm = 'backward')  ifft over all dims, or those given, or the last as s has sizes. @function @in fft
tc_tensor *tc_fft_ifftn(tc_tensor *input, const int64_t *s, int n_s, const tc_dim *dim, int n_dim, const char *norm);
/// fft_rfftn(input, s = nil, dim = nil, norm = 'backward')  rfft along the last and fft along the others of all dims, or those given, or the last as s has sizes. @function @in fft
tc_tensor *tc_fft_rfftn(tc_tensor *input, const int64_t *s, int n_s, const tc_dim *dim, int n_dim, const char *norm);
/// fft_irfftn(input, s = nil, dim = nil, norm = 'backward')  The inverse of rfftn over all dims, or those given, or the last as s has sizes. @function @in fft
tc_tensor *tc_fft_irfftn(tc_tensor *input, const int64_t *s, int n_s, const tc_dim *dim, int n_dim, const char *norm);
/// fft_hfftn(input, s = nil, dim = nil, norm = 'backward')  hfft along the last and fft along the others of all dims, or those given, or the last as s has sizes. @function @in fft
tc_tensor *tc_fft_hfftn(tc_tensor *input, const int64_t *s, int n_s, const tc_dim *dim, int n_dim, const char *norm);
/// fft_ihfftn(input, s = nil, dim = nil, norm = 'backward')  The inverse of hfftn over all dims, or those given, or the last as s has sizes. @function @in fft
tc_tensor *tc_fft_ihfftn(tc_tensor *input, const int64_t *s, int n_s, const tc_dim *dim, int n_dim, const char *norm);
/// fft_fftfreq(n, d = 1, *, dtype = nil, device = nil, requires_grad = false)  The frequency of each bin of fft, in cycles per unit of the sample spacing d: 0, 1, .. then the negative ones, over n * d. @function @in fft
tc_tensor *tc_fft_fftfreq(int64_t n, double d, tc_dtype dtype, tc_device device, bool requires_grad);
/// fft_rfftfreq(n, d = 1, *, dtype = nil, device = nil, requires_grad = false)  The frequency of each bin of rfft, in cycles per unit of the sample spacing d. @function @in fft
tc_tensor *tc_fft_rfftfreq(int64_t n, double d, tc_dtype dtype, tc_device device, bool requires_grad);
/// fft_fftshift(input, dim = nil)  Bins in the order of their frequencies: the zero frequency moves to the middle, along all dims or those given. @function @in fft
tc_tensor *tc_fft_fftshift(tc_tensor *input, const tc_dim *dim, int n_dim);
/// fft_ifftshift(input, dim = nil)  Undoes fftshift. @function @in fft
tc_tensor *tc_fft_ifftshift(tc_tensor *input, const tc_dim *dim, int n_dim);

/// stft(input, n_fft, hop_length, win_length, window = nil, center = true, pad_mode = 'reflect', normalized = false, onesided = true, align_to_window = false)  Spectra of overlapping frames; see lua/tocha/spectral.lua. @only
tc_tensor *tc_stft(tc_tensor *input, int64_t n_fft, int64_t hop_length, int64_t win_length, tc_tensor *window, bool center, const char *pad_mode, bool normalized, bool onesided, bool align_to_window);
/// istft(input, n_fft, hop_length, win_length, window = nil, center = true, normalized = false, onesided = true, length = nil, return_complex = false)  The signal of such spectra; see lua/tocha/spectral.lua. @only
tc_tensor *tc_istft(tc_tensor *input, int64_t n_fft, int64_t hop_length, int64_t win_length, tc_tensor *window, bool center, bool normalized, bool onesided, int64_t length, bool return_complex);

/* ---- complex numbers (lib/ops/complex.c, kernels/scalar_complex.h) ---- */
/// complex(real, imag)  Complex numbers from their parts, which are float32 or float64; either may be a number. @function
tc_tensor *tc_complex(tc_operand *real, tc_operand *imag);
/// polar(abs, angle)  Complex numbers from length and angle (radians). @function
tc_tensor *tc_polar(tc_operand *abs, tc_operand *angle);
/// view_as_real(input)  The same memory as real numbers, with a last dim of 2: real and imaginary part. @function
tc_tensor *tc_view_as_real(tc_tensor *input);
/// view_as_complex(input)  The same memory as complex numbers; the last dim, of size 2, holds real and imaginary part. @function
tc_tensor *tc_view_as_complex(tc_tensor *input);
/// real(input)  The real parts, a view; a real tensor is its own. @function
tc_tensor *tc_real(tc_tensor *input);
/// imag(input)  The imaginary parts of a complex tensor, a view. @function
tc_tensor *tc_imag(tc_tensor *input);
tc_tensor *tc_complex_number(double re, double im);
/// conj(input)  The conjugate, computed at once; a real tensor is its own.
tc_tensor *tc_conj(tc_tensor *input);
/// conj_physical(input)  The conjugate: conj. @inplace
tc_tensor *tc_conj_physical(tc_tensor *input);
/// resolve_conj(input)  The tensor itself: conjugates are computed at once.
tc_tensor *tc_resolve_conj(tc_tensor *input);
/// resolve_neg(input)  The tensor itself: negatives are computed at once.
tc_tensor *tc_resolve_neg(tc_tensor *input);
/// is_conj(input)  false: conjugates are computed at once.
bool tc_is_conj(tc_tensor *input);
/// is_neg(input)  false: negatives are computed at once.
bool tc_is_neg(tc_tensor *input);
/// adjoint(input)  The last two dims exchanged, complex elements conjugated.
tc_tensor *tc_adjoint(tc_tensor *input);
/// angle(input)  The angle of complex numbers in radians, -pi to pi; of real ones 0 or pi.
tc_tensor *tc_angle(tc_tensor *input);
/// sgn(input)  x / |x|, 0 at 0: the sign of real numbers, the direction of complex ones. @inplace direct
tc_tensor *tc_sgn(tc_tensor *input);
/// isreal(input)  Is the imaginary part 0?
tc_tensor *tc_isreal(tc_tensor *input);

/* ---- views in place (lib/ops/view_inplace.c) ---- */
/// transpose_(input, dim0, dim1)  Exchanges two dims of the tensor itself. @method @self @alias swapaxes_ swapdims_
tc_tensor *tc_transpose_(tc_tensor *input, tc_dim dim0, tc_dim dim1);
/// t_(input)  Transposes the matrix itself. @method @self
tc_tensor *tc_t_(tc_tensor *input);
/// squeeze_(input, dim = nil)  Takes dims of size 1 off the tensor itself: all, or those given. @method @self
tc_tensor *tc_squeeze_(tc_tensor *input, const tc_dim *dim, int n_dim);
/// unsqueeze_(input, dim)  Gives the tensor itself a new dim of size 1. @method @self
tc_tensor *tc_unsqueeze_(tc_tensor *input, tc_dim dim);

/* ---- linear algebra (lib/ops/linalg.c, spectrum.c): what lua/tocha/linalg.lua is made of. Batches of matrices everywhere; info has LAPACK's word for each ---- */
/// solve_triangular(A, B, upper, left, unitriangular)  X of A X = B, or of X A = B if not left, for a triangular A. @only
tc_tensor *tc_triangular_system(tc_tensor *a, tc_tensor *b, bool upper, bool left, bool unit);
/// solve(A, B)  X of A X = B, and info. @only
tc_tensor *tc_linear_system(tc_tensor *a, tc_tensor *b, tc_tensor **info);
/// lu_factor(A)  L and U in one matrix, pivots (rows, from 1), info. @only
tc_tensor *tc_lu_decomposition(tc_tensor *a, tc_tensor **pivots, tc_tensor **info);
/// pivots_matrix(pivots, rows, dtype)  The permutation matrix P of A = P L U. @only
tc_tensor *tc_pivots_matrix(tc_tensor *pivots, int64_t rows, tc_dtype dtype);
/// cholesky(A)  The lower triangular L with L L^H = A, of A's lower triangle, and info. @only
tc_tensor *tc_cholesky_decomposition(tc_tensor *a, tc_tensor **info);
/// qr(A, complete)  Q and R. @only
tc_tensor *tc_qr_decomposition(tc_tensor *a, bool complete, tc_tensor **factor);
/// geqrf(input)  R in the upper triangle and the Householder reflectors of Q below it, and the reflectors' factors tau.
tc_tensor *tc_geqrf(tc_tensor *a, tc_tensor **tau);
/// householder_product(input, tau)  The first columns of the product of Householder reflectors, not recorded. @only
tc_tensor *tc_reflectors_product(tc_tensor *a, tc_tensor *tau);
/// ormqr(input, tau, other, left = true, transpose = false)  Q other, or other Q, or with Q^H, for the Q of geqrf's results. Where a gradient is wanted it goes reflection by reflection.
tc_tensor *tc_ormqr(tc_tensor *a, tc_tensor *tau, tc_tensor *other, bool left, bool transpose);
/// ldl_factor(A, hermitian)  L and D in one matrix, pivots, info. @only
tc_tensor *tc_ldl_decomposition(tc_tensor *a, bool hermitian, tc_tensor **pivots, tc_tensor **info);
/// linalg_ldl_solve(LD, pivots, B, *, hermitian = false)  X of A X = B from ldl_factor's results. Not differentiable. @function @in linalg
tc_tensor *tc_ldl_solve(tc_tensor *ld, tc_tensor *pivots, tc_tensor *b, bool hermitian);
/// eigh(A, upper, vectors)  Eigenvalues in ascending order, eigenvectors, info, of a hermitian matrix. @only
tc_tensor *tc_eigh_decomposition(tc_tensor *a, bool upper, bool vectors, tc_tensor **v, tc_tensor **info);
/// eig(A, vectors)  Complex eigenvalues, eigenvectors, info. @only
tc_tensor *tc_eig_decomposition(tc_tensor *a, bool vectors, tc_tensor **v, tc_tensor **info);
/// svd(A, full_matrices, vectors)  U, S, V^H, info. @only
tc_tensor *tc_svd_decomposition(tc_tensor *a, bool full, bool vectors, tc_tensor **s, tc_tensor **vh, tc_tensor **info);

#pragma GCC visibility pop
#endif
