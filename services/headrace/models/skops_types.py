"""Which types a skops file of each family of algorithms may hold, and what a file does hold.

skops itself trusts every type of scikit-learn and scipy. Here a file may hold only what a model of its algorithm is
made of, so that nothing else of those libraries can be reached through it.
"""

from collections.abc import Iterator
from typing import Any

_COMMON = {
    "builtins.bool",
    "builtins.dict",
    "builtins.float",
    "builtins.int",
    "builtins.list",
    "builtins.NoneType",
    "builtins.slice",
    "builtins.str",
    "builtins.tuple",
    "numpy.bool",
    "numpy.bool_",
    "numpy.dtype",
    "numpy.float32",
    "numpy.float64",
    "numpy.int8",
    "numpy.int32",
    "numpy.int64",
    "numpy.ndarray",
    "numpy.object_",
    "numpy.random.mtrand.RandomState",
    "numpy.str_",
    "numpy.uint32",
    "numpy.uint64",
    "headrace.models.steps.bounds.Bounds",
    "headrace.models.steps.calibrated.Calibrated",
    "headrace.models.steps.date_parts.DateParts",
    "headrace.models.steps.logarithm.Logarithm",
    "headrace.models.steps.ratio.Ratio",
    "headrace.models.steps.rotation.Rotation",
    "headrace.models.steps.rounding.Rounding",
    "imblearn.pipeline.Pipeline",
    "sklearn.calibration.CalibratedClassifierCV",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.compose._column_transformer.ColumnTransformer",
    "sklearn.decomposition._pca.PCA",
    "sklearn.dummy.DummyClassifier",
    "sklearn.dummy.DummyRegressor",
    "sklearn.ensemble._voting.VotingClassifier",
    "sklearn.ensemble._voting.VotingRegressor",
    "sklearn.feature_extraction.text.HashingVectorizer",
    "sklearn.frozen._frozen.FrozenEstimator",
    "sklearn.impute._base.MissingIndicator",
    "sklearn.impute._base.SimpleImputer",
    "sklearn.isotonic.IsotonicRegression",
    "sklearn.pipeline.FeatureUnion",
    "sklearn.pipeline.Pipeline",
    "sklearn.preprocessing._data.StandardScaler",
    "sklearn.preprocessing._encoders.OneHotEncoder",
    "sklearn.preprocessing._encoders.OrdinalEncoder",
    "sklearn.preprocessing._label.LabelEncoder",
    "sklearn.utils._bunch.Bunch",
}
_LINEAR = {
    "sklearn.linear_model._base.LinearRegression",
    "sklearn.linear_model._coordinate_descent.ElasticNet",
    "sklearn.linear_model._coordinate_descent.Lasso",
    "sklearn.linear_model._logistic.LogisticRegression",
    "sklearn.linear_model._ridge.Ridge",
}
_FOREST = {
    "sklearn.ensemble._forest.RandomForestClassifier",
    "sklearn.ensemble._forest.RandomForestRegressor",
    "sklearn.tree._classes.DecisionTreeClassifier",
    "sklearn.tree._classes.DecisionTreeRegressor",
    "sklearn.tree._tree.Tree",
}
_HIST_BOOSTING = {
    "numpy.random._generator.Generator",
    "numpy.random._pcg64.PCG64",
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn._loss._loss.CyHalfSquaredError",
    "sklearn._loss._loss.CyAbsoluteError",
    "sklearn._loss._loss.CyPinballLoss",
    "sklearn._loss._loss.CyHalfPoissonLoss",
    "sklearn._loss._loss.CyHalfGammaLoss",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.LogLink",
    "sklearn._loss.loss.AbsoluteError",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfGammaLoss",
    "sklearn._loss.loss.HalfPoissonLoss",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn._loss.loss.PinballLoss",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
}
_LIGHTGBM = {
    "collections.OrderedDict",
    "collections.defaultdict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRegressor",
}
_SVM = {
    "scipy.sparse._csr.csr_matrix",
    "sklearn.svm._classes.LinearSVC",
    "sklearn.svm._classes.LinearSVR",
    "sklearn.svm._classes.SVC",
    "sklearn.svm._classes.SVR",
}
_KNN = {
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._ball_tree.BallTree64",
    "sklearn.neighbors._ball_tree.newObj",
    "sklearn.neighbors._classification.KNeighborsClassifier",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neighbors._kd_tree.KDTree64",
    "sklearn.neighbors._kd_tree.newObj",
    "sklearn.neighbors._regression.KNeighborsRegressor",
}
FAMILIES: dict[str, frozenset[str]] = {
    "dummy": frozenset(_COMMON),
    "linear": frozenset(_COMMON | _LINEAR),
    "forest": frozenset(_COMMON | _FOREST),
    "hist_boosting": frozenset(_COMMON | _HIST_BOOSTING),
    "lightgbm": frozenset(_COMMON | _LIGHTGBM),
    "svm": frozenset(_COMMON | _SVM),
    "knn": frozenset(_COMMON | _KNN),
    "average": frozenset(_COMMON | _LINEAR | _FOREST | _HIST_BOOSTING | _LIGHTGBM | _SVM | _KNN),
}
_FAMILY_OF = {
    "majority": "dummy",
    "mean": "dummy",
    "linear": "linear",
    "ridge": "linear",
    "lasso": "linear",
    "elastic_net": "linear",
    "logistic": "linear",
    "random_forest": "forest",
    "hist_boosting": "hist_boosting",
    "lightgbm": "lightgbm",
    "svm": "svm",
    "knn": "knn",
}


def allowed_types(algorithm: str) -> frozenset[str]:
    """What a model of an algorithm may hold; that of several, or of one that isn't known, what any of them may."""
    return FAMILIES[_FAMILY_OF.get(algorithm, "average")]


def types_in(schema: Any) -> set[str]:
    """`module.Class` of everything that a skops file's `schema.json` would make, functions and methods included."""
    return {
        f"{part.get('__module__')}.{part.get('__class__')}"
        for part in parts_of(schema)
        if "__class__" in part or "__module__" in part
    }


def parts_of(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object in it, however deep."""
    left = [schema]
    while left:
        part = left.pop()
        if isinstance(part, list):
            left += part
        elif isinstance(part, dict):
            left += part.values()
            yield part
