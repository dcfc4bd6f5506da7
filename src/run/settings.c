/* The settings of models and runs. */
#include "run/run.h"
#include "settings/config.h"
#include <math.h>

static const ms_named flows[] = {
    {"auto", "the mirror flow, and the gradient flow beside it where that is cheap"},
    {"one", "one flow alone: the mirror flow where a model is known by it, else the gradient flow; "
            "gd, sgd and sde step the weights of the gradient flow"},
    {"mirror", "the mirror flow alone; with gd, sgd and sde mirror descent, which steps mu"},
    {"gradient", "the gradient flow of the weights alone"},
    {"both", "both, with their gap"},
    {"limit", "only where the flow ends, straight from the oracle; nothing is integrated"},
    {"saddle",
     "without weight decay and for beta -> 0: the path from saddle to saddle, as jump times "
     "and plateaus"},
};
static const ms_named states[] = {
    {"auto", "the smaller of the two"},
    {"sample-dual", "n unknowns, mu = Z' nu"},
    {"dual", "d unknowns, mu"},
};

static const ms_named solvers[] = {
    {"auto", "Cholesky, for more than 2500 samples cg"},
    {"cholesky", "the matrix formed and factored"},
    {"cg", "conjugate gradients, of the sample dual only: no matrix, passes over Z instead"},
};

static const ms_named formats[] = {
    {"png", "picture"}, {"svg", "vector, for the web"}, {"pdf", "vector, for print"}};

MS_CHOICE_OF(flows)
MS_CHOICE_OF(states)
MS_CHOICE_OF(solvers)
MS_CHOICE_OF(formats)
MS_CHOICE_AMONG(model, ms_model_at)
MS_CHOICE_AMONG(param, ms_param_at)
MS_CHOICE_AMONG(method, ms_method_at)

#define MODEL "Model"
const ms_setting ms_model_settings[] = {
    {"model", MS_CHOICE, "NAME", "diag", .choice = model_choice, .group = MODEL,
     .help = "what is trained"},
    {"param", MS_CHOICE, "NAME", "mw", .choice = param_choice, .group = MODEL,
     .owner = "--model diag, sparse-coding and network",
     .help = "parametrization x = g(w) of one coordinate"},
    {"depth", MS_COUNT, "L", NULL, .min = 1, .max = 100, .group = MODEL,
     .help = "number of factors or power of parametrizations that have one"},
    {"exponent", MS_REAL, "Q", NULL, .min = 1, .max = 2, .group = MODEL,
     .owner = "--param steepest",
     .help = "q of --param steepest: 2 is the gradient flow, 1 sign descent; default: 1"},
    {"growth", MS_REAL, "C", NULL, .min = 0, .max = 1e6, .min_open = true, .group = MODEL,
     .owner = "--param ham", .help = "c of --param ham; default: 200"},
    {"formula", MS_TEXT, "K", NULL, .group = MODEL, .owner = "--param custom",
     .help = "k of --param custom in the weights a, b, ... h, 'a*b*c' for all coordinates, or "
             "'1,4-6: a*b*c | a^2-b^2' by their numbers, the last for all the others"},
    {"init-theta", MS_TEXT, "A,B,...", NULL, .group = MODEL, .owner = "--param custom",
     .help =
         "weights of --param custom at t = 0: a number for all, one for each of a, b, ..., or a "
         "CSV file with these columns and a row for each coordinate; default: drawn from "
         "[-beta, beta] with --init-scale beta"},
    {"init-scale", MS_SCALE, "BETA", "1", .group = MODEL,
     .help = "scale beta of the initialization (mw: (m0^2 - w0^2)/2, uv: 2 u0 v0, the others: "
             "docs/theory.md), a number of any "
             "magnitude (1e-1000) or a file with one per coordinate"},
    {"init-x", MS_VALUES, "X", "0", .min = -HUGE_VAL, .max = HUGE_VAL, .group = MODEL,
     .owner = "--model diag",
     .help = "x at t = 0: a number for all coordinates or a file (text or .npy) with one each"},
    {"init-w", MS_PATH, "FILE.npz", NULL, .group = MODEL,
     .owner = "--model diag, sensing, lora and attention",
     .help = "weights at t = 0, an .npz with arrays of their names, as data.npz and weights.npz of "
             "a run have them (of weights.npz the last)"},
    {"init-spread", MS_REAL, "SIGMA", "0", .min = 0, .max = HUGE_VAL, .group = MODEL,
     .owner = "--model diag", .help = "standard deviation of Gaussian numbers added to --init-x"},
    {.name = NULL},
};

#define FLOW "Flow and integration"
#define OUTPUT "Output"
const ms_setting ms_run_settings[] = {
    {"flow", MS_CHOICE, "NAME", "auto", .choice = flows_choice, .group = FLOW,
     .owner = "flows; networks under SGD have --epochs", .help = "which flow to integrate"},
    {"state", MS_CHOICE, "NAME", "auto", .choice = states_choice, .group = FLOW,
     .owner = "the mirror flow of --model diag", .help = "unknowns of the mirror flow"},
    {"method", MS_CHOICE, "NAME", "bdf", .choice = method_choice, .group = FLOW,
     .help = "integrator"},
    {"solver", MS_CHOICE, "NAME", "auto", .choice = solvers_choice, .group = FLOW,
     .owner = "the mirror flow of --model diag", .help = "how bdf solves Newton's systems"},
    {"lr", MS_REAL, "ETA", NULL, .min = 0, .max = HUGE_VAL, .min_open = true, .group = FLOW,
     .owner = "--method gd, sgd and sde",
     .help =
         "step size of gd and sgd, noise of sde; default: a tenth of what is stable at the size "
         "that x will have"},
    {"momentum", MS_REAL, "M", "0", .min = 0, .max = 1, .max_open = true, .group = FLOW,
     .owner = "--method gd and sgd",
     .help = "heavy-ball momentum of gd and sgd; a step then counts as the time "
             "lr / (1 - M); networks: 0.9 unless given"},
    {"batch", MS_COUNT, "N", "1", .min = 1, .max = 1e8, .group = FLOW, .owner = "--method sgd",
     .help = "samples in a step of sgd; networks: 64 unless given"},
    {"dt", MS_REAL, "TIME", NULL, .min = 0, .max = HUGE_VAL, .min_open = true, .group = FLOW,
     .owner = "--method sde", .help = "time step of sde; default: lr"},
    {"t-end", MS_REAL, "T", NULL, .min = 0, .max = HUGE_VAL, .min_open = true, .group = FLOW,
     .owner = "flows; networks under SGD have --epochs",
     .help = "time to integrate to; default: until the loss tolerance or a stationary point is "
             "reached"},
    {"stop-loss", MS_REAL, "TOL", NULL, .min = 0, .max = HUGE_VAL, .group = FLOW,
     .help =
         "end once the schedule is over and f(x) <= TOL; default: 1e-20 f(0), for logistic "
         "and exponential 1e-8 f(0), or none where --t-end is given; none for --loss custom and "
         "under an alpha that stays on; 0 with --t-end T: goes on to T"},
    {"rtol", MS_REAL, "TOL", "1e-8", .min = 1e-14, .max = 0.1, .group = FLOW,
     .owner = "flows; networks under SGD have --epochs",
     .help = "error of x in a mirror flow, relative to the largest |x|, and of a step in the "
             "weights of a gradient flow, whose steps add up (docs/numerics.md)"},
    {"atol", MS_REAL, "TOL", NULL, .min = 0, .max = 0.1, .min_open = true, .group = FLOW,
     .owner = "the mirror flow of --model diag",
     .help = "error allowed per step in the exponents of the mirror flow; default: rtol, less "
             "where beta is larger than the solution"},
    {"max-steps", MS_COUNT, "N", "1000000", .min = 1, .max = 1e15, .group = FLOW,
     .owner = "flows; networks under SGD have --epochs",
     .help =
         "give up after N steps; where it is not given, a method of fixed steps that takes up to "
         "3 N to --t-end has them"},
    {"threads", MS_COUNT, "N", "1", .min = 1, .max = 1024, .group = FLOW,
     .help = "threads of the linear algebra; results differ in the last digits between numbers of "
             "threads"},
    {"points", MS_COUNT, "N", "400", .min = 2, .max = 1e7, .group = OUTPUT,
     .help = "times recorded at even distances over the part that is drawn; runs that go on "
             "until they are finished record more after it, in equal ratios"},
    {"out", MS_PATH, "DIR", NULL, .client = true, .group = OUTPUT,
     .help = "write trajectory.csv, x.csv, state.npz, data.npz, summary.json, config.ini and "
             "potential.csv to DIR"},
    {"keep-weights", MS_FLAG, NULL, "off", .group = OUTPUT,
     .help = "write weights.npz, the weights of the gradient flow or of gd, sgd and sde at all "
             "recorded times, to the --out folder"},
    {"plot", MS_CHOICE, "png,svg,pdf", NULL, .listed = true, .choice = formats_choice,
     .client = true, .group = OUTPUT,
     .help = "draw trajectory, potential and effects into the --out folder (mirrorsim-run where "
             "none is "
             "given); --plot alone makes PNG, --plot=svg,pdf others"},
    {"json", MS_FLAG, NULL, "off", .client = true, .group = OUTPUT,
     .help = "print the summary as JSON, no table"},
    {"quiet", MS_FLAG, NULL, "off", .client = true, .group = OUTPUT,
     .help = "print nothing but errors"},
    {.name = NULL},
};
