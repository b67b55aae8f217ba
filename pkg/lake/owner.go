package lake

import "strconv"

// Table properties by which a table says what feeds it.
const (
	propFormat    = "firn.format"
	propGroupID   = "firn.group-id"
	PropTopic     = "firn.kafka.topic"
	propClusterID = "firn.kafka.cluster-id"
	propTopicID   = "firn.kafka.topic-id"
)

// Format is the version of firn's properties that this program writes.
const Format = 1

// Owner is what feeds a table. An empty field is neither written nor compared.
type Owner struct {
	GroupID   string
	ClusterID string
	Topic     string
	TopicID   string
}

// Properties returns the owner as table properties.
func (o Owner) Properties() map[string]string {
	p := map[string]string{propFormat: strconv.Itoa(Format)}
	for k, v := range o.fields() {
		if v != "" {
			p[k] = v
		}
	}
	return p
}

// Check returns an OwnerError where the properties name another owner, and an
// AdoptError where a newer firn wrote them.
func (o Owner) Check(t string, properties map[string]string) error {
	if v := properties[propFormat]; v != "" {
		if n, err := strconv.Atoi(v); err != nil || n > Format {
			return &AdoptError{Table: t, Reason: "its property " + propFormat + " is " + v +
				", written by a newer firn; this one knows " + strconv.Itoa(Format)}
		}
	}
	for _, k := range []string{propGroupID, propClusterID, PropTopic, propTopicID} {
		have, want := properties[k], o.fields()[k]
		if have != "" && want != "" && have != want {
			return &OwnerError{Table: t, Property: k, Have: have, Want: want}
		}
	}
	return nil
}

func (o Owner) fields() map[string]string {
	return map[string]string{
		propGroupID: o.GroupID, propClusterID: o.ClusterID, PropTopic: o.Topic, propTopicID: o.TopicID,
	}
}
