/* scalar_complex.h: the pointwise formulas of complex operands, once, for the C compiler and for nvcc. An operator of scalar.h without a row here
 * refuses complex numbers.
 *
 * A row: UNARY, BINARY or TERNARY, the operator's name, in what it computes, its value. x, y, z are the operands (x.re, x.im), C(re, im) makes a
 * number, T is the type of its parts. SAME computes in the operands' own precision, WIDE in double (complex.h).
 * TC_COMPLEX gives a complex number, TC_PART a real one, TC_COMPLEX_TEST bool.
 */
#ifndef TC_COMPLEX
#define TC_COMPLEX(kind, name, precision, expr)
#endif
#ifndef TC_PART
#define TC_PART(kind, name, precision, expr)
#endif
#ifndef TC_COMPLEX_TEST
#define TC_COMPLEX_TEST(kind, name, precision, expr)
#endif

/* arithmetic */
TC_COMPLEX(UNARY,   neg,          SAME, C(-x.re, -x.im))
TC_COMPLEX(UNARY,   conj,         SAME, C(x.re, -x.im))
TC_COMPLEX(UNARY,   sgn,          WIDE, tc_c_sgn(x))
TC_COMPLEX(UNARY,   square,       SAME, C(x.re * x.re - x.im * x.im, 2 * x.re * x.im))
TC_COMPLEX(UNARY,   reciprocal,   WIDE, tc_c_div(C(1, 0), x))
TC_COMPLEX(UNARY,   sqrt,         WIDE, tc_c_sqrt(x))
TC_COMPLEX(UNARY,   rsqrt,        WIDE, tc_c_div(C(1, 0), tc_c_sqrt(x)))
TC_COMPLEX(UNARY,   nan_to_num,   SAME, C(NUMBER_OF(x.re), NUMBER_OF(x.im)))
TC_PART(UNARY,      abs,          WIDE, tc_c_abs(x))
TC_PART(UNARY,      angle,        WIDE, atan2(x.im, x.re))

/* exponentials, logarithms */
TC_COMPLEX(UNARY,   exp,          WIDE, tc_c_exp(x))
TC_COMPLEX(UNARY,   exp2,         WIDE, tc_c_exp(tc_c_times(0.69314718055994530942, x)))
TC_COMPLEX(UNARY,   expm1,        WIDE, tc_c_expm1(x))
TC_COMPLEX(UNARY,   log,          WIDE, tc_c_log(x))
TC_COMPLEX(UNARY,   log2,         WIDE, tc_c_times(1.44269504088896340736, tc_c_log(x)))
TC_COMPLEX(UNARY,   log10,        WIDE, tc_c_times(0.43429448190325182765, tc_c_log(x)))
TC_COMPLEX(UNARY,   log1p,        WIDE, tc_c_log1p(x))

/* trigonometric, hyperbolic */
TC_COMPLEX(UNARY,   sin,          WIDE, tc_c_sin(x))
TC_COMPLEX(UNARY,   cos,          WIDE, tc_c_cos(x))
TC_COMPLEX(UNARY,   tan,          WIDE, tc_c_tan(x))
TC_COMPLEX(UNARY,   asin,         WIDE, tc_c_asin(x))
TC_COMPLEX(UNARY,   acos,         WIDE, tc_c_acos(x))
TC_COMPLEX(UNARY,   atan,         WIDE, tc_c_atan(x))
TC_COMPLEX(UNARY,   sinh,         WIDE, tc_c_sinh(x))
TC_COMPLEX(UNARY,   cosh,         WIDE, tc_c_cosh(x))
TC_COMPLEX(UNARY,   tanh,         WIDE, tc_c_tanh(x))
TC_COMPLEX(UNARY,   asinh,        WIDE, tc_c_asinh(x))
TC_COMPLEX(UNARY,   acosh,        WIDE, tc_c_acosh(x))
TC_COMPLEX(UNARY,   atanh,        WIDE, tc_c_atanh(x))
TC_COMPLEX(UNARY,   sinc,         WIDE, tc_c_sinc(x))
TC_COMPLEX(UNARY,   sigmoid,      WIDE, tc_c_sigmoid(x))
TC_COMPLEX(UNARY,   silu,         WIDE, tc_c_mul(x, tc_c_sigmoid(x)))

/* tests */
TC_COMPLEX_TEST(UNARY,  isnan,        SAME, x.re != x.re || x.im != x.im)
TC_COMPLEX_TEST(UNARY,  isinf,        SAME, isinf(x.re) || isinf(x.im))
TC_COMPLEX_TEST(UNARY,  isfinite,     SAME, isfinite(x.re) && isfinite(x.im))
TC_COMPLEX_TEST(UNARY,  logical_not,  SAME, x.re == 0 && x.im == 0)
TC_COMPLEX_TEST(BINARY, eq,           SAME, x.re == y.re && x.im == y.im)
TC_COMPLEX_TEST(BINARY, ne,           SAME, x.re != y.re || x.im != y.im)
TC_COMPLEX_TEST(BINARY, logical_and,  SAME, (x.re != 0 || x.im != 0) && (y.re != 0 || y.im != 0))
TC_COMPLEX_TEST(BINARY, logical_or,   SAME, x.re != 0 || x.im != 0 || y.re != 0 || y.im != 0)
TC_COMPLEX_TEST(BINARY, logical_xor,  SAME, (x.re != 0 || x.im != 0) != (y.re != 0 || y.im != 0))
TC_COMPLEX_TEST(BINARY, isclose,      WIDE, tc_c_isclose(x, y, p0, p1, p2 != 0))

/* two operands, three */
TC_COMPLEX(BINARY,  add,          SAME, C(x.re + p0 * y.re, x.im + p0 * y.im))
TC_COMPLEX(BINARY,  sub,          SAME, C(x.re - p0 * y.re, x.im - p0 * y.im))
TC_COMPLEX(BINARY,  mul,          SAME, C(x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re))
TC_COMPLEX(BINARY,  div,          WIDE, tc_c_div(x, y))
TC_COMPLEX(BINARY,  pow,          WIDE, tc_c_pow(x, y))
TC_COMPLEX(BINARY,  logaddexp,    WIDE, tc_c_logaddexp(x, y))
TC_COMPLEX(BINARY,  mul_zero,     WIDE, (x.re == 0 && x.im == 0) || (y.re == 0 && y.im == 0) ? C(0, 0) : tc_c_mul(x, y))
TC_COMPLEX(BINARY,  div_zero,     WIDE, x.re == 0 && x.im == 0 ? C(0, 0) : tc_c_div(x, y))
TC_COMPLEX(BINARY,  tanh_grad,    WIDE, tc_c_mul(x, tc_c_sub(C(1, 0), tc_c_mul(y, y))))
TC_COMPLEX(BINARY,  sigmoid_grad, WIDE, tc_c_mul(x, tc_c_mul(y, tc_c_sub(C(1, 0), y))))
TC_COMPLEX(BINARY,  silu_grad,    WIDE, tc_c_mul(x, tc_c_silu_slope(y)))
TC_COMPLEX(TERNARY, where,        SAME, x.re != 0 ? y : z)
TC_COMPLEX(TERNARY, lerp,         WIDE, tc_c_abs(z) < 0.5 ? tc_c_add(x, tc_c_mul(z, tc_c_sub(y, x))) \
                                                          : tc_c_sub(y, tc_c_mul(tc_c_sub(y, x), tc_c_sub(C(1, 0), z))))
TC_COMPLEX(TERNARY, addcmul,      WIDE, tc_c_add(x, tc_c_times(p0, tc_c_mul(y, z))))
TC_COMPLEX(TERNARY, addcdiv,      WIDE, tc_c_add(x, tc_c_times(p0, tc_c_div(y, z))))

#undef TC_COMPLEX
#undef TC_PART
#undef TC_COMPLEX_TEST
