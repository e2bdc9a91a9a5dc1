"""Methods of other papers that make synthetic sets for behaviour cloning, written anew.

Their sets hold states and the actions to imitate there. Rewards, next states and terminations of a
row are those of the row that it began as and belong to another state, so that no Q-learner is to be
trained on them.
"""
