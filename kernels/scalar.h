/* scalar.h: every pointwise formula, once, for the C compiler and for nvcc. Included with the macros it needs defined.
 *
 * A row: the operator's name, the classes of numbers it computes in, its value. x, y, z are the operands, of type T; p0..p3 the
 * operator's own numbers. Classes: FLOAT (integers are first converted to the default dtype), ANY (integers stay integers),
 * INT (integers and bool only). TC_TEST and TC_COMPARE give bool. Functions such as exp(x) are generic in T; quick_exp(x)
 * may be an ulp off and takes what is below the normal range for 0.
 */
#ifndef TC_UNARY
#define TC_UNARY(name, classes, expr)
#endif
#ifndef TC_TEST
#define TC_TEST(name, classes, expr)
#endif
#ifndef TC_BINARY
#define TC_BINARY(name, classes, expr)
#endif
#ifndef TC_COMPARE
#define TC_COMPARE(name, classes, expr)
#endif
#ifndef TC_TERNARY
#define TC_TERNARY(name, classes, expr)
#endif

/* arithmetic */
TC_UNARY(neg,         ANY,   -x)
TC_UNARY(abs,         ANY,   x < 0 ? -x : x == 0 ? (T)0 : x)
TC_UNARY(sign,        ANY,   x != x ? x : (T)((x > 0) - (x < 0)))
TC_UNARY(sgn,         ANY,   x != x ? x : (T)((x > 0) - (x < 0)))
TC_UNARY(conj,        ANY,   x)
TC_UNARY(angle,       FLOAT, x != x ? x : x < 0 ? (T)3.14159265358979323846 : (T)0)
TC_UNARY(square,      ANY,   x * x)
TC_UNARY(reciprocal,  FLOAT, (T)1 / x)
TC_UNARY(sqrt,        FLOAT, sqrt(x))
TC_UNARY(rsqrt,       FLOAT, (T)1 / sqrt(x))
TC_UNARY(floor,       ANY,   floor(x))
TC_UNARY(ceil,        ANY,   ceil(x))
TC_UNARY(round,       ANY,   rint(x))
TC_UNARY(trunc,       ANY,   trunc(x))
TC_UNARY(frac,        FLOAT, x - trunc(x))
TC_UNARY(nan_to_num,  FLOAT, x != x ? p0 : x == (T)INFINITY ? p1 : x == -(T)INFINITY ? p2 : x)

/* exponentials, logarithms */
TC_UNARY(exp,         FLOAT, exp(x))
TC_UNARY(exp2,        FLOAT, exp2(x))
TC_UNARY(expm1,       FLOAT, expm1(x))
TC_UNARY(log,         FLOAT, log(x))
TC_UNARY(log2,        FLOAT, log2(x))
TC_UNARY(log10,       FLOAT, log10(x))
TC_UNARY(log1p,       FLOAT, log1p(x))
TC_UNARY(logit,       FLOAT, log(x / ((T)1 - x)))

/* trigonometric, hyperbolic */
TC_UNARY(sin,         FLOAT, sin(x))
TC_UNARY(cos,         FLOAT, cos(x))
TC_UNARY(tan,         FLOAT, tan(x))
TC_UNARY(asin,        FLOAT, asin(x))
TC_UNARY(acos,        FLOAT, acos(x))
TC_UNARY(atan,        FLOAT, atan(x))
TC_UNARY(sinh,        FLOAT, sinh(x))
TC_UNARY(cosh,        FLOAT, cosh(x))
TC_UNARY(tanh,        FLOAT, tanh(x))
TC_UNARY(asinh,       FLOAT, asinh(x))
TC_UNARY(acosh,       FLOAT, acosh(x))
TC_UNARY(atanh,       FLOAT, atanh(x))

/* special functions */
TC_UNARY(erf,         FLOAT, erf(x))
TC_UNARY(erfc,        FLOAT, erfc(x))
TC_UNARY(lgamma,      FLOAT, lgamma(x))
TC_UNARY(digamma,     FLOAT, digamma(x))
TC_UNARY(polygamma,   FLOAT, polygamma(p0, x))
/* sin(pi x) = (-1)^k sin(pi (x - k)), k the nearest integer: x - k is exact, pi x would not be */
TC_UNARY(sinc,        FLOAT, x == 0 ? (T)1 : ((T)1 - (T)2 * (rint(x) - (T)2 * floor((T)0.5 * rint(x)))) * sin((x - rint(x)) * (T)3.14159265358979323846) / (x * (T)3.14159265358979323846))
TC_UNARY(sigmoid,     FLOAT, sigmoid(x))
TC_UNARY(erfcx,       FLOAT, erfcx(x))
TC_UNARY(erfinv,      FLOAT, erfinv(x))
TC_UNARY(ndtr,        FLOAT, ndtr(x))
TC_UNARY(ndtri,       FLOAT, ndtri(x))
TC_UNARY(log_ndtr,    FLOAT, log_ndtr(x))
TC_UNARY(entr,        FLOAT, x != x ? x : x > 0 ? -x * log(x) : x == 0 ? (T)0 : -(T)INFINITY)
TC_UNARY(bessel_i,    FLOAT, bessel_i(p0, x, p1))                                  /* order, scaled by e^-|x|? */
TC_UNARY(bessel_k,    FLOAT, bessel_k(p0, x, p1))                                  /* order, scaled by e^x? */
TC_UNARY(bessel_j0,   FLOAT, bessel_j0(x))
TC_UNARY(bessel_j1,   FLOAT, bessel_j1(x))
TC_UNARY(bessel_y0,   FLOAT, bessel_y0(x))
TC_UNARY(bessel_y1,   FLOAT, bessel_y1(x))
TC_UNARY(spherical_bessel_j0, FLOAT, x == 0 ? (T)1 : infinity_sign(x) ? (T)0 : sin(x) / x)
TC_UNARY(airy,        FLOAT, airy(x, p0))                                          /* the derivative? */

/* activations */
TC_UNARY(relu,        ANY,   x > 0 || x != x ? x : (T)0)
TC_UNARY(leaky_relu,  FLOAT, x > 0 ? x : x * p0)
TC_UNARY(elu,         FLOAT, x > 0 ? x * p1 : p0 * p1 * expm1(x * p2))          /* alpha, scale, input_scale */
TC_UNARY(gelu,        FLOAT, x * normal_cdf(x))
TC_UNARY(gelu_tanh,   FLOAT, (T)0.5 * x * ((T)1 + tanh((T)0.79788456080286535588 * (x + (T)0.044715 * x * x * x))))
TC_UNARY(silu,        FLOAT, silu(x))
TC_UNARY(softplus,    FLOAT, choose(x * p0 > p1, x, log1p(exp(x * p0)) / p0))          /* beta, threshold */
TC_UNARY(logsigmoid,  FLOAT, (x < 0 ? x : (T)0) - log1p(exp(copysign(x, (T)-1))))
TC_UNARY(softsign,    FLOAT, x / ((T)1 + (x < 0 ? -x : x)))
TC_UNARY(hardtanh,    ANY,   x < p0 ? p0 : x > p1 ? p1 : x)
TC_UNARY(hardsigmoid, FLOAT, x <= -3 ? (T)0 : x >= 3 ? (T)1 : x / 6 + (T)0.5)
TC_UNARY(hardswish,   FLOAT, x <= -3 ? (T)0 : x >= 3 ? x : x * (x + 3) / 6)
TC_UNARY(hardshrink,  FLOAT, x > p0 || x < -p0 ? x : x != x ? x : (T)0)
TC_UNARY(softshrink,  FLOAT, x > p0 ? x - p0 : x < -p0 ? x + p0 : x != x ? x : (T)0)
TC_UNARY(threshold,   ANY,   x > p0 ? x : p1)

/* integers */
TC_UNARY(bitwise_not, INT,   ~x)

/* tests: the result is bool */
TC_TEST(isnan,        ANY,   x != x)
TC_TEST(isinf,        ANY,   infinity_sign(x) != 0)
TC_TEST(isfinite,     ANY,   x == x && infinity_sign(x) == 0)
TC_TEST(isposinf,     ANY,   infinity_sign(x) > 0)
TC_TEST(isneginf,     ANY,   infinity_sign(x) < 0)
TC_TEST(signbit,      ANY,   signbit(x))
TC_TEST(logical_not,  ANY,   x == 0)

/* two operands */
TC_BINARY(add,          ANY,   x + p0 * y)
TC_BINARY(sub,          ANY,   x - p0 * y)
TC_BINARY(mul,          ANY,   x * y)
TC_BINARY(div,          FLOAT, x / y)
TC_BINARY(div_trunc,    ANY,   trunc_div(x, y))
TC_BINARY(div_floor,    ANY,   floor_div(x, y))
TC_BINARY(remainder,    ANY,   floor_mod(x, y))
TC_BINARY(fmod,         ANY,   trunc_mod(x, y))
TC_BINARY(pow,          ANY,   pow(x, y))
TC_BINARY(maximum,      ANY,   x != x ? x : y != y ? y : x > y ? x : y)
TC_BINARY(minimum,      ANY,   x != x ? x : y != y ? y : x < y ? x : y)
TC_BINARY(fmax,         ANY,   x != x ? y : y != y ? x : x > y ? x : y)
TC_BINARY(fmin,         ANY,   x != x ? y : y != y ? x : x < y ? x : y)
TC_BINARY(atan2,        FLOAT, atan2(x, y))
TC_BINARY(hypot,        FLOAT, hypot(x, y))
TC_BINARY(copysign,     FLOAT, copysign(x, y))
TC_BINARY(nextafter,    FLOAT, nextafter(x, y))
TC_BINARY(logaddexp,    FLOAT, x == y ? x + (T)0.69314718055994530942 : (x > y ? x : y) + log1p(exp(x > y ? y - x : x - y)))
TC_BINARY(logaddexp2,   FLOAT, x == y ? x + (T)1 : (x > y ? x : y) + log1p(exp2(x > y ? y - x : x - y)) * (T)1.44269504088896340736)
TC_BINARY(xlogy,        FLOAT, y != y ? y : x == 0 ? (T)0 : x * log(y))
TC_BINARY(xlog1py,      FLOAT, y != y ? y : x == 0 ? (T)0 : x * log1p(y))
TC_BINARY(zeta,         FLOAT, x == 1 ? (T)INFINITY : x < 1 ? (T)NAN : zeta(x, y))
TC_BINARY(gammainc,     FLOAT, gammainc(x, y, p0))                                /* the upper one? */
TC_BINARY(polynomial,   FLOAT, polynomial(p0, x, y))                              /* kind */
TC_BINARY(heaviside,    ANY,   x != x ? x : x == 0 ? y : (T)(x > 0))
TC_BINARY(bitwise_and,  INT,   x & y)
TC_BINARY(bitwise_or,   INT,   x | y)
TC_BINARY(bitwise_xor,  INT,   x ^ y)
TC_BINARY(shift_left,   INT,   y < 0 || y > 63 ? (T)0 : (T)((uint64_t)x << y))
TC_BINARY(shift_right,  INT,   y < 0 || y > 63 ? (T)(x < 0 ? -1 : 0) : x >> y)
TC_BINARY(gcd,          INT,   gcd(x, y))
TC_BINARY(lcm,          INT,   lcm(x, y))
/* gradients in one pass, 0 where x is 0: x is the gradient of the result, y the result (tanh, sigmoid, relu) or the argument (gelu, silu) */
TC_BINARY(tanh_grad,    FLOAT, choose(x == 0, (T)0, x * ((T)1 - y * y)))
TC_BINARY(sigmoid_grad, FLOAT, choose(x == 0, (T)0, x * y * ((T)1 - y)))
TC_BINARY(relu_grad,    FLOAT, y > 0 ? x : (T)0)
TC_BINARY(gelu_grad,    FLOAT, choose(x == 0, (T)0, x * (normal_cdf(y) + y * (T)0.39894228040143267794 * quick_exp((T)-0.5 * y * y))))
TC_BINARY(gelu_tanh_grad, FLOAT, choose(x == 0, (T)0, x * gelu_tanh_slope(y)))
TC_BINARY(silu_grad,    FLOAT, choose(x == 0, (T)0, x / ((T)1 + quick_exp(-y)) * ((T)1 + y * ((T)1 - (T)1 / ((T)1 + quick_exp(-y))))))
TC_BINARY(mul_zero,     ANY,   x == 0 || y == 0 ? (T)0 : x * y)                 /* a product in which 0 wins over inf and nan */
TC_BINARY(div_zero,     FLOAT, x == 0 ? (T)0 : x / y)                           /* a quotient in which a zero gradient wins */

TC_COMPARE(eq,          ANY,   x == y)
TC_COMPARE(ne,          ANY,   x != y)
TC_COMPARE(lt,          ANY,   x < y)
TC_COMPARE(le,          ANY,   x <= y)
TC_COMPARE(gt,          ANY,   x > y)
TC_COMPARE(ge,          ANY,   x >= y)
TC_COMPARE(logical_and, ANY,   x != 0 && y != 0)
TC_COMPARE(logical_or,  ANY,   x != 0 || y != 0)
TC_COMPARE(logical_xor, ANY,   (x != 0) != (y != 0))
TC_COMPARE(isclose,     ANY,   x == y || (p2 != 0 && x != x && y != y) || isclose(x, y, p0, p1))

/* three operands */
TC_TERNARY(where,       ANY,   x != 0 ? y : z)
TC_TERNARY(clamp,       ANY,   x != x ? x : y != y ? y : z != z ? z : (x < y ? y : x) > z ? z : x < y ? y : x)
TC_TERNARY(lerp,        FLOAT, z < (T)0.5 && z > (T)-0.5 ? x + z * (y - x) : y - (y - x) * (1 - z))
TC_TERNARY(addcmul,     ANY,   x + p0 * y * z)
TC_TERNARY(addcdiv,     FLOAT, x + p0 * y / z)

#undef TC_UNARY
#undef TC_TEST
#undef TC_BINARY
#undef TC_COMPARE
#undef TC_TERNARY
